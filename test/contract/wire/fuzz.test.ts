import { randomInt } from 'node:crypto';
import { fuzz } from '../../fuzz/fuzz.js';
import { makeStore, rootTest } from '../../system/environment/fixture.js';

const SECONDS = 10;
const MIB = 2 ** 20;
/** Some thousand frames in: what is compiled, and remembered of jobs past, is still growing to its bound. */
const HEAP_GROWTH_MAX_BYTES = 16 * MIB;
const DESCRIPTORS_MORE_MAX = 16;

rootTest('whatever comes is taken or refused with a reason, and nothing crashes or grows', async (t) => {
  t.timeout(120_000);
  const seed = randomInt(2 ** 31);
  t.log(`seed ${seed}: npm run fuzz -- --seed ${seed}`);
  const result = await fuzz({ place: makeStore(t), seed, frames: Infinity, seconds: SECONDS });
  const { frames, taken, refused, violations, early, late } = result;
  t.deepEqual(violations, []);
  t.true(frames > 500 && taken > frames / 20, `${frames} frames, ${taken} taken`);
  for (const code of ['FRAME_INVALID', 'MESSAGE_INVALID']) t.true((refused.get(code) ?? 0) > frames / 20);
  t.true(late.heapBytes - early.heapBytes < HEAP_GROWTH_MAX_BYTES, JSON.stringify({ early, late }));
  t.true(late.descriptors - early.descriptors < DESCRIPTORS_MORE_MAX, JSON.stringify({ early, late }));
});
