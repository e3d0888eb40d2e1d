import test from 'ava';
import { TimelineKeeper } from '../../../src/login/timeline.js';

function keeperAt(): { keeper: TimelineKeeper; at: (ms: number) => void } {
  let now = 1000;
  const keeper = new TimelineKeeper({ nowMs: () => now });
  return { keeper, at: (ms) => (now = 1000 + ms) };
}

test('overall is the largest over the nodes, in seconds since submission', (t) => {
  const { keeper, at } = keeperAt();
  at(100);
  keeper.mark('scanned');
  at(500);
  keeper.event('a', 'launched');
  at(750);
  keeper.event('b', 'launched');
  t.deepEqual(keeper.overall(['a', 'b']), { scanned: 0.1, launched: 0.75 });
  t.is(keeper.perNode(['a', 'b'])['a']?.launched, 0.5);
});

test('a moment that one node never reached has no overall time, but for the first read', (t) => {
  const { keeper, at } = keeperAt();
  at(10);
  keeper.event('a', 'delivered');
  keeper.event('a', 'firstRead');
  t.deepEqual(keeper.overall(['a', 'b']), { firstRead: 0.01 });
});

test('what happened first counts', (t) => {
  const { keeper, at } = keeperAt();
  at(10);
  keeper.event('a', 'urgent');
  at(20);
  keeper.event('a', 'urgent');
  t.is(keeper.overall(['a']).urgentDelivered, 0.01);
});
