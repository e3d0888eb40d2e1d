import test from 'ava';
import { SendQueue } from '../../../src/transport/send-queue.js';
import type { SendClass } from '../../../src/transport/send-queue.js';

function take(queue: SendQueue<string>, count: number): Record<string, number> {
  const taken: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const item = queue.next() ?? 'nothing';
    taken[item] = (taken[item] ?? 0) + 1;
  }
  return taken;
}

function fill(queue: SendQueue<string>, kind: SendClass, item: string, count: number): void {
  for (let i = 0; i < count; i++) queue.push(kind, item);
}

test('while all have something, what is more urgent has most of the link, and nobody starves', (t) => {
  const queue = new SendQueue<string>();
  for (const kind of ['later', 'urgent', 'awaited'] as const) fill(queue, kind, kind, 1000);
  t.deepEqual(take(queue, 210), { awaited: 160, urgent: 40, later: 10 });
});

test('what another class does not use is for the others', (t) => {
  const queue = new SendQueue<string>();
  fill(queue, 'later', 'later', 10);
  t.deepEqual(take(queue, 5), { later: 5 });
  fill(queue, 'urgent', 'urgent', 10);
  t.deepEqual(take(queue, 5), { urgent: 4, later: 1 });
});

test('who has had nothing to send for a long time has not saved up for it', (t) => {
  const queue = new SendQueue<string>();
  fill(queue, 'urgent', 'urgent', 1000);
  take(queue, 900);
  fill(queue, 'later', 'later', 100);
  t.deepEqual(take(queue, 50), { urgent: 40, later: 10 });
});

test('within a class it is first come, first served', (t) => {
  const queue = new SendQueue<string>();
  for (const item of ['a1', 'b1', 'a2', 'b2']) queue.push('later', item);
  t.deepEqual(
    [queue.next(), queue.next(), queue.next(), queue.next(), queue.next()],
    ['a1', 'b1', 'a2', 'b2', undefined],
  );
});

test('something may go at once if nothing as urgent waits', (t) => {
  const queue = new SendQueue<string>();
  t.true(queue.isFree('later'));
  queue.push('urgent', 'x');
  t.true(queue.isFree('awaited'));
  t.false(queue.isFree('urgent'));
  t.false(queue.isFree('later'));
});
