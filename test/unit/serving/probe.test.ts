import test from 'ava';
import { readAttempts } from '../../../src/serving/probe.js';

test('what was tried is read as it was written', (t) => {
  t.deepEqual(readAttempts('device=0 mount=0 backing=38 resend=38 data=22\n'), {
    device: 0,
    mount: 0,
    backing: 38,
    resend: 38,
    data: 22,
  });
});

test('what was not tried does not work', (t) => {
  for (const line of ['', 'device=0', 'nonsense', 'data=']) t.is(readAttempts(line).data, 38, line);
});
