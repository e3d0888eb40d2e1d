import test from 'ava';
import { clockFindings } from '../../../../src/cli/doctor/network.js';

test('clocks that agree, those that make logs hard to read, and those that munge does not take', (t) => {
  const of = (...offsetsMs: number[]): unknown =>
    clockFindings(offsetsMs.map((offsetMs, i) => ({ name: `cn${i}`, offsetMs })));
  t.deepEqual(of(), []);
  t.like(of(20), [{ level: 'ok', value: 'within a second of that of cn0' }]);
  t.like(of(20, -999), [{ level: 'ok', value: 'within a second of those of 2 nodes' }]);
  t.like(of(20, -3_400, 8_000), [{ level: 'warn', value: 'cn2 ahead by 8 s, cn1 behind by 3 s' }]);
  t.like(of(-300_000), [{ level: 'fail', value: 'cn0 behind by 300 s' }]);
});
