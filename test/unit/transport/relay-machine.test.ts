import test from 'ava';
import fc from 'fast-check';
import { machine, sends, simulate } from './relay-simulation.js';

test('a unit goes to every child the moment it is held, and not before', (t) => {
  const relay = machine(['a', 'b']);
  t.deepEqual(sends(relay.childHas('a', [], true)), []);
  t.deepEqual(sends(relay.unitHeld(0)), [['a', 0]]);
  t.deepEqual(sends(relay.childHas('b', [], true)), [['b', 0]]);
});

test('chunks follow the order of sending, whatever their numbers', (t) => {
  const relay = machine(['a'], 1, 10);
  relay.childHas('a', [], true);
  relay.unitHeld(0);
  relay.setOrder([2, 0, 1]);
  t.deepEqual(sends(relay.unitHeld(1)), [], 'chunk 0 waits for chunk 2, which is before it');
  t.deepEqual(sends(relay.unitHeld(3)), [
    ['a', 3],
    ['a', 1],
  ]);
});

test('no more sends to a child are under way than the window allows; a slow child holds back nobody', (t) => {
  const relay = machine(['slow', 'fast'], 1, 2);
  relay.childHas('slow', [], true);
  relay.childHas('fast', [], true);
  relay.setOrder([0, 1, 2, 3]);
  const all: [string, number][] = [];
  for (let unit = 0; unit < 5; unit++) {
    const now = sends(relay.unitHeld(unit));
    all.push(...now);
    for (const [child] of now) if (child === 'fast') all.push(...sends(relay.sent('fast', false)));
  }
  t.is(all.filter(([child]) => child === 'slow').length, 2);
  t.is(all.filter(([child]) => child === 'fast').length, 5);
});

test('a child that already holds something is sent only the rest', (t) => {
  const relay = machine(['a'], 1, 10);
  relay.setOrder([0, 1, 2]);
  for (let unit = 0; unit < 4; unit++) relay.unitHeld(unit);
  t.deepEqual(sends(relay.childHas('a', [0, 2, 3, 1], true)), [['a', 2]]);
});

test('delivered is said once, when all is here and in every subtree', (t) => {
  const relay = machine(['a', 'b']);
  relay.setOrder([0]);
  relay.unitHeld(0);
  t.deepEqual(relay.unitHeld(1), []);
  t.deepEqual(relay.childDelivered('a'), []);
  t.deepEqual(relay.childDelivered('b'), [{ kind: 'delivered' }]);
  t.deepEqual(relay.childDelivered('b'), []);
});

test('a lost child is waited for by nobody', (t) => {
  const relay = machine(['a']);
  relay.setOrder([]);
  relay.unitHeld(0);
  t.deepEqual(relay.detach('a'), [{ kind: 'delivered' }]);
});

test('a layer without content is delivered with its document', (t) => {
  const relay = machine([]);
  relay.unitHeld(0);
  t.deepEqual(relay.setOrder([]), [{ kind: 'delivered' }]);
});

test('in any tree, with any order of events, everybody completes, each unit sent once and never unheld', (t) => {
  const property = fc.property(
    fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
    fc.integer({ min: 0, max: 9 }),
    fc.infiniteStream(fc.nat({ max: 1000 })),
    (seeds, chunkCount, stream) => {
      const parents = [-1, ...seeds.map((seed, i) => seed % (i + 1))];
      const choose = (n: number): number => (stream.next().value as number) % n;
      return simulate({ parents, chunkCount, wants: [], choose }).delivered.every(Boolean);
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});
