import test from 'ava';
import { JobStall, stallSettings } from '../../../src/login/stall-policies.js';
import type { StallPolicyName } from '../../../src/config/config.js';

function stallAt(policy: StallPolicyName) {
  let now = 0;
  let moved = 0;
  const said: string[] = [];
  const stall = new JobStall(
    { policy, deadlineMs: 1000 },
    { nowMs: () => now },
    {
      moved: () => moved,
      lacking: () => 'cn[1-2]',
      warn: (text) => said.push(`warning: ${text}`),
      fail: (error) => said.push(`${error.code} ${error.node}`),
    },
  );
  const at = (ms: number, bytes = moved): void => {
    now = ms;
    moved = bytes;
    stall.check();
  };
  return { stall, said, at };
}

test('cancel fails the job once, and names who lacks something', (t) => {
  const { said, at } = stallAt('cancel');
  at(0, 5);
  at(1000);
  t.deepEqual(said, []);
  at(1001);
  at(1500);
  t.deepEqual(said, ['STREAM_STALLED cn[1-2]']);
});

test('wait warns after the deadline, then after twice the time each, and says when it goes on', (t) => {
  const { said, at } = stallAt('wait');
  at(0, 5);
  for (let ms = 100; ms <= 5000; ms += 100) at(ms);
  t.is(said.length, 3, 'after 1.1, 2.3 and 4.7 s');
  t.regex(said[0]!, /1\.1 s: cn\[1-2\] wait/);
  at(5100, 6);
  at(5200, 6);
  t.is(said.length, 4);
  t.regex(said[3]!, /goes on, after 5 s/);
});

test('error warns that reads fail, and a second stall is told again', (t) => {
  const { said, at, stall } = stallAt('error');
  at(0, 1);
  at(1100);
  t.regex(said[0]!, /EIO on cn\[1-2\]/);
  t.true(stall.state.stalled);
  at(1200, 2);
  at(2300);
  t.is(said.length, 3);
});

test('unknown policies and impossible deadlines are refused with what is known', (t) => {
  t.is(t.throws(() => stallSettings('panic', 1000))?.message, "there is no stall policy 'panic'");
  t.like(
    t.throws(() => stallSettings('wait', 1)),
    { code: 'STALL_DEADLINE_INVALID' },
  );
  t.deepEqual(stallSettings('error', 1000), { policy: 'error', deadlineMs: 1000 });
});
