import test from 'ava';
import { Rate } from '../../../src/base/rate.js';

test('the rate is that of the last five seconds, and nothing when nothing grows', (t) => {
  let now = 0;
  const rate = new Rate({ nowMs: () => now });
  t.is(rate.perSecond, 0);
  for (; now <= 10_000; now += 500) rate.observe(now * 2);
  t.is(rate.perSecond, 2000);
  for (; now <= 16_000; now += 500) rate.observe(20_000);
  t.is(rate.perSecond, 0);
});
