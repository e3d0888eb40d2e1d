import test from 'ava';
import { DAEMON_RESTARTS_INTERVAL_MS, DAEMON_RESTARTS_MAX } from '../../../src/base/limits.js';
import { RestartPolicy } from '../../../src/emulator/restart-policy.js';

test('a daemon that serves is started again soon, however often it is killed, but not for ever', (t) => {
  let nowMs = 0;
  const policy = new RestartPolicy({ nowMs: () => nowMs });
  const delays = Array.from({ length: DAEMON_RESTARTS_MAX + 1 }, () => {
    policy.served();
    return policy.next();
  });
  t.is(new Set(delays.slice(0, -1)).size, 1);
  t.is(delays.at(-1), undefined);
  nowMs = 2 * DAEMON_RESTARTS_INTERVAL_MS;
  t.is(policy.next(), delays[0]);
});

test('one that does not come to serve is waited for longer each time, up to a limit', (t) => {
  const policy = new RestartPolicy({ nowMs: () => 0 });
  const delays = Array.from({ length: 10 }, () => policy.next() ?? 0);
  t.is(delays[1], 2 * (delays[0] ?? 0));
  t.is(delays[9], delays[8]);
});
