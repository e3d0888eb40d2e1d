import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import { TaskTimes } from '../../../src/node/task-times.js';
import { decodeContentWaits } from '../../../src/wire/learning.js';

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
  at(13).waited(1, '/b', 2);
  at(14).waited(2, '/a', 3.5);
  at(16).waited(3, '/c', 1);
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
  at(11).waited(4, '/lib.so', 1.5);
  at(12).ended();
  t.is(times.account()?.waited, 1);
  t.is(times.account()?.first?.at, 0);
});

test('a wait that the tear-down ends counts to the end of the task', (t) => {
  const { times, at } = create();
  at(0).launched();
  at(4).ended();
  at(6).waited(5, '/data', 5);
  t.is(times.account()?.waited, 3);
});

test('contents are told in the order of asking, by the time of a program that never waits', (t) => {
  const { times, at } = create();
  at(10).launched();
  at(13).waited(7, '/b', 2); // from 1 to 3
  at(14).waited(5, '/a', 3.5); // from 0.5 to 4
  at(16).waited(7, '/b', 1); // from 5 to 6, again
  at(18).waited(9, '/c', 1); // from 7 to 8
  at(20).ended();
  t.deepEqual(decodeContentWaits(times.contentWaits()), [
    { content: 5, atMs: 500 },
    { content: 7, atMs: 500 },
    { content: 9, atMs: 2500 },
  ]);
});

test('files are told at the moment at which a program that never waits would have opened them', (t) => {
  const { times, at } = create();
  at(10).launched();
  at(13).waited(7, '/b', 2); // from 1 to 3
  at(18).waited(9, '/c', 1); // from 7 to 8
  at(20).ended();
  const opened = [
    ['/late', 9000],
    ['/b', 3000],
    ['/first', 500],
  ] as const;
  times.opened(opened.map(([path, atMs]) => ({ path: fromText(path), atMs })));
  t.deepEqual(times.openedFiles(), [
    { path: fromText('/first'), atMs: 500 },
    { path: fromText('/b'), atMs: 1000 },
    { path: fromText('/late'), atMs: 6000 },
  ]);
});

test('nothing is told of files when nobody has looked, or nothing was launched', (t) => {
  const { times, at } = create();
  at(1).launched();
  t.is(times.openedFiles(), undefined);
  const other = create();
  other.times.opened([]);
  t.is(other.times.openedFiles(), undefined);
});

test('contents of a task that was never launched are not told', (t) => {
  const { times, at } = create();
  at(1).waited(1, '/a', 1);
  t.deepEqual(times.contentWaits(), []);
});
