import test from 'ava';
import { renderTimeline } from '../../../src/report/timeline.js';
import { REPORT } from './reports.js';

const PLAIN = { width: 80, color: false } as const;

/** Columns at which the bar of the row that starts with `label` begins and ends. */
function extent(picture: string, label: string): [number, number] {
  const row = picture.split('\n').find((line) => line.startsWith(label));
  if (row === undefined) throw new Error(`no row ${label}`);
  const drawn = row.slice(23, 80 - 15);
  return [drawn.search(/\S/), drawn.trimEnd().length];
}

test('every bar stands where its time is on the common scale', (t) => {
  // 10 s of delivery and 5.3 s of own work: 42 columns are 15.3 s.
  const picture = renderTimeline(REPORT, { ...PLAIN, unicode: false });
  t.deepEqual(extent(picture, 'urgent part delivered'), [0, 3]);
  t.deepEqual(extent(picture, 'running on every node'), [3, 22]);
  t.deepEqual(extent(picture, '  first read to wait'), [4, 8]);
  t.deepEqual(extent(picture, 'all delivered'), [0, 27]);
  t.deepEqual(extent(picture, 'had we waited for all'), [0, 42]);
});

test("waiting for everything is reckoned as delivery and then the slowest task's time without its waits", (t) => {
  // cn0 ran 5 s and waited 0.5 s, cn1 ran 6.8 s and waited 1.5 s.
  const picture = renderTimeline(REPORT, PLAIN);
  t.regex(picture, /had we waited for all .* 10\.0 to 15\.3 s$/m);
  t.regex(picture, /instead of 10\.0 s; done after 8\.00 s instead of 15\.3 s\s\(reckoned:/);
});

test('a measured time takes the place of the reckoned one', (t) => {
  const picture = renderTimeline(REPORT, { ...PLAIN, waitedForAllSeconds: 20 });
  t.regex(picture, /10\.0 to 20\.0 s$/m);
  t.regex(picture, /instead of 20\.0 s\s\(measured\)/);
});

test('the first read to wait is the one that began first, with its file', (t) => {
  const picture = renderTimeline(REPORT, PLAIN);
  t.regex(picture, /first read to wait .* for 1\.50 s$/m);
  t.regex(picture, /for 1\.50 s on cn1:\s\/usr\/lib\/libopenblas\.so\.0$/m);
});

test('the waits of the node that ended last are drawn on one line, with their sum', (t) => {
  const blocked = [
    { node: 'cn1', path: '/a', at: 0, seconds: 1.5 },
    { node: 'cn1', path: '/b', at: 4, seconds: 1 },
    { node: 'cn0', path: '/c', at: 0, seconds: 9 },
  ];
  const tasks = { ...REPORT.tasks, cn1: { ran: 6.8, waited: 2.5, waits: 2 } };
  const picture = renderTimeline({ ...REPORT, blocked, tasks }, { ...PLAIN, unicode: false });
  t.regex(picture, /^ {2}waits on cn1 +~+ +~+ +in all 2\.50 s$/m);
});

test('a job without a blocked read has no rows about waiting', (t) => {
  const tasks = { cn0: { ran: 5, waited: 0, waits: 0 } };
  const picture = renderTimeline({ ...REPORT, tasks, blocked: [] }, PLAIN);
  t.notRegex(picture, /wait(s|ed)? (on|for \d)|read to wait/);
});

test('no line is wider than asked for, and without colour there is no escape', (t) => {
  for (const width of [60, 80, 120]) {
    const picture = renderTimeline(REPORT, { ...PLAIN, width });
    for (const line of picture.split('\n')) t.true([...line].length <= width, `${width}: ${line}`);
    t.false(picture.includes('\x1b'));
  }
});

test('colour adds escapes and nothing else', (t) => {
  const plain = renderTimeline(REPORT, PLAIN);
  const coloured = renderTimeline(REPORT, { ...PLAIN, color: true });
  t.not(coloured, plain);
  t.is(coloured.replace(/\x1b\[\d+m/g, ''), plain);
});

test('ASCII is ASCII', (t) => {
  t.regex(renderTimeline(REPORT, { ...PLAIN, unicode: false }), /^[\x20-\x7e\n]+$/);
});

test('a job that never started has no picture, in words', (t) => {
  t.is(
    renderTimeline({ ...REPORT, timeline: {}, perNode: {}, tasks: {} }, PLAIN),
    'Nothing was delivered and nothing ran.',
  );
});

test('a job that failed halfway is drawn as far as it came', (t) => {
  const timeline = { urgentDelivered: 1, launched: 1.2 };
  const picture = renderTimeline({ ...REPORT, timeline, perNode: {} }, PLAIN);
  t.regex(picture, /running on every node/);
  t.notRegex(picture, /all delivered|instead of/);
});
