/** Seeds that nobody has tried before, for a while. A failing one is printed, with how to run it again. */
import test from 'ava';
import { runOptions } from '../../../src/simulator/options.js';
import { simulate } from '../../../src/simulator/run.js';

const WHILE_MS = 10_000;

test('whatever happens, all that must hold does', (t) => {
  const first = Math.floor(Math.random() * 2 ** 31);
  const endMs = performance.now() + WHILE_MS;
  let seed = first;
  for (; performance.now() < endMs; seed++) {
    const { violation } = simulate(runOptions(seed));
    t.is(violation, undefined, `run it again: npm run simulate -- --seed ${seed} --trace`);
  }
  t.log(`${seed - first} seeds, from ${first}`);
});
