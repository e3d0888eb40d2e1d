import test from 'ava';
import { TaskTimes } from '../../../src/node/task-times.js';

function create(): { times: TaskTimes; at: (seconds: number) => TaskTimes } {
  let nowMs = 0;
  const times = new TaskTimes({ nowMs: () => nowMs });
  return { times, at: (seconds) => ((nowMs = seconds * 1000), times) };
}

test('a task that was never launched has no account', (t) => {
  const { times, at } = create();
  at(3).ended();
  t.is(times.account(), undefined);
  t.deepEqual(times.blocked(), []);
});

test('a task ran from its launch to its end, whatever comes after', (t) => {
  const { times, at } = create();
  at(2).launched();
  at(7).ended();
  at(9).ended();
  t.deepEqual(times.account(), { ran: 5, waited: 0, waits: 0 });
});

test('waits that overlap count once, and each is told with its beginning', (t) => {
  const { times, at } = create();
  at(10).launched();
  at(13).waited('/b', 2);
  at(14).waited('/a', 3.5);
  at(16).waited('/c', 1);
  at(20).ended();
  t.deepEqual(times.account(), {
    ran: 10,
    waited: 4.5,
    waits: 3,
    first: { path: '/a', at: 0.5, seconds: 3.5 },
  });
  t.deepEqual(
    times.blocked().map(({ path, at: began }) => [path, began]),
    [
      ['/a', 0.5],
      ['/b', 1],
      ['/c', 5],
    ],
  );
});

test('a wait that began before the launch was known counts from the launch', (t) => {
  const { times, at } = create();
  at(10).launched();
  at(11).waited('/lib.so', 1.5);
  at(12).ended();
  t.is(times.account()?.waited, 1);
  t.is(times.account()?.first?.at, 0);
});

test('a wait that the tear-down ends counts to the end of the task', (t) => {
  const { times, at } = create();
  at(0).launched();
  at(4).ended();
  at(6).waited('/data', 5);
  t.is(times.account()?.waited, 3);
});
