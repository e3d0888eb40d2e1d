/** How the trial `deploy` reads what processors were used for. */
import test from 'ava';
import { parseMachine, parseTicks } from '../../../../bench/deploy/processors.js';

test('ticks of a process are its own and its children’s, whatever its name', (t) => {
  const before = 'S 1 1 1 0 -1 4194560 100 200 0 0';
  t.is(parseTicks(`7 (a) b ( c) ${before} 5 6 70 80 20 0 1 0 99`), 161);
});

test('what waits is not busy', (t) => {
  t.deepEqual(parseMachine('cpu  10 1 20 100 50 2 3 4 7 0'), { busy: 40, all: 190 });
});
