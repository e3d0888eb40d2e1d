/** The way from a parent to a child: links that are lost and made again. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import { ChildLink } from '../../../src/transport/child-link.js';
import type { Link } from '../../../src/transport/link.js';
import type { Header } from '../../../src/wire/frame.js';

/** A link that only remembers what was posted. */
function link(posted: Header[] = []): Link {
  return { post: (header: Header) => posted.push(header) } as unknown as Link;
}

interface Seen {
  readonly way: ChildLink;
  readonly greetings: boolean[];
  readonly away: string[];
  readonly lost: TeesError[];
}

/** @param connect the answers to one try after the other; the last one to all that follow */
function makeWay(
  recoveryDeadlineMs: number,
  connect: readonly (Link | TeesError)[],
  known = false,
): Seen & { tries: () => number } {
  const [greetings, away, lost]: [boolean[], string[], TeesError[]] = [[], [], []];
  let tries = 0;
  const options = {
    job: 'j',
    node: 'cn1',
    recoveryDeadlineMs,
    known,
    onKnown: () => {},
    connect: () => {
      const answer = connect[Math.min(tries++, connect.length - 1)] as Link | TeesError;
      return answer instanceof TeesError ? Promise.reject(answer) : Promise.resolve(answer);
    },
    greeting: (again: boolean) => {
      greetings.push(again);
      return { t: 'job', again };
    },
    onBack: () => {},
    onAttached: () => {},
    onAway: (error: TeesError) => away.push(error.code),
    onRenewed: () => {},
    onLost: (error: TeesError) => lost.push(error),
  };
  const way = new ChildLink(options);
  return { way, greetings, away, lost, tries: () => tries };
}

const unreachable = new TeesError('NODE_UNREACHABLE', 'nobody listens there', { node: 'cn1' });

test('a child that cannot be reached at the start is lost at once', async (t) => {
  const { way, lost, tries } = makeWay(10_000, [unreachable]);
  await way.open();
  t.deepEqual(
    lost.map(({ code }) => code),
    ['NODE_UNREACHABLE'],
  );
  t.is(tries(), 1);
});

test('a lost link is tried again until there is one, and the child is told that it has the job already', async (t) => {
  const posted: Header[] = [];
  const { way, greetings, away, lost } = makeWay(10_000, [link(), unreachable, unreachable, link(posted)]);
  await way.open();
  way.heard();
  way.channel.send({ t: 'signal', job: 'j', signal: 'SIGUSR1' });
  way.linkClosed(undefined);
  t.deepEqual(away, ['LINK_LOST']);
  t.is(way.link, undefined);
  while (!way.link) await sleep(20);
  t.deepEqual(greetings, [false, true]);
  t.deepEqual(
    posted.map((header) => header['t']),
    ['job', 'signal'],
    'what was not settled comes again, behind the job',
  );
  way.heard();
  t.deepEqual(lost, []);
  way.close();
});

test('who has never answered may begin the job anew', async (t) => {
  const { way, greetings } = makeWay(10_000, [link()]);
  await way.open();
  way.linkClosed(undefined);
  while (!way.link) await sleep(20);
  t.deepEqual(greetings, [false, false]);
  way.close();
});

test('after the deadline the child is lost, once, with what was tried', async (t) => {
  const { way, lost } = makeWay(350, [link(), unreachable]);
  await way.open();
  way.heard();
  way.linkClosed(new TeesError('LINK_SILENT', 'cn1 has been silent for 15 s', { node: 'cn1' }));
  while (lost.length === 0) await sleep(20);
  await sleep(300);
  t.is(lost.length, 1);
  t.is(lost[0]?.code, 'LINK_SILENT');
  t.is(lost[0]?.node, 'cn1');
  t.regex(
    lost[0]?.message ?? '',
    /^cn1 has been silent.*; cn1 did not come back within 0.35 s; the last of \d tries: nobody listens there$/,
  );
});

test('a link that is made and lost again and again, and never answers, does not put the deadline off', async (t) => {
  const { way, lost, tries } = makeWay(600, [link()]);
  await way.open();
  way.heard();
  way.linkClosed(undefined);
  while (lost.length === 0) {
    await sleep(10);
    if (way.link) way.linkClosed(undefined);
  }
  t.true(tries() > 2);
});

for (const code of ['MESSAGE_INVALID', 'FRAME_INVALID', 'RANGES_INVALID', 'KEY_REJECTED']) {
  test(`${code} is no lost link: it is final`, async (t) => {
    const { way, lost, tries } = makeWay(10_000, [link()]);
    await way.open();
    way.heard();
    way.linkClosed(new TeesError(code, 'on purpose', { node: 'cn1' }));
    t.deepEqual(
      lost.map((error) => error.code),
      [code],
    );
    t.is(tries(), 1);
  });
}

test('a daemon of another cluster in its place is final, too', async (t) => {
  const { way, lost } = makeWay(10_000, [link(), new TeesError('KEY_REJECTED', 'another key')]);
  await way.open();
  way.linkClosed(undefined);
  while (lost.length === 0) await sleep(20);
  t.is(lost[0]?.code, 'KEY_REJECTED');
});

test('without a recovery deadline a lost link is a lost node', async (t) => {
  const { way, lost, away } = makeWay(0, [link()]);
  await way.open();
  way.heard();
  way.linkClosed(undefined);
  t.deepEqual(
    lost.map((error) => error.code),
    ['LINK_LOST'],
  );
  t.deepEqual(away, []);
});

test('what a child has told before it left is settled all the same', async (t) => {
  const posted: Header[] = [];
  const { way } = makeWay(10_000, [link(posted)]);
  await way.open();
  const settle = way.channel.accept({ session: 's', sequence: 1 });
  way.close();
  settle?.();
  await sleep(20);
  t.deepEqual(posted.at(-1)?.['sequences'], [1]);
});

test('a child that has answered to an earlier daemon is tried as after a loss, and told that it has the job', async (t) => {
  const { way, greetings, lost } = makeWay(10_000, [unreachable, link()], true);
  await way.open();
  while (!way.link) await sleep(20);
  t.deepEqual(greetings, [true]);
  t.deepEqual(lost, []);
  way.close();
});

test('a child that is given up when it has just been reached is told so: it waits for another parent', async (t) => {
  const posted: Header[] = [];
  const { way, lost } = makeWay(300, [link(), link(posted)]);
  await way.open();
  way.heard();
  way.linkClosed(undefined);
  // Reached again, and silent.
  while (lost.length === 0) await sleep(20);
  t.deepEqual(
    posted.map((header) => header['t']),
    ['job', 'parted'],
  );
});
