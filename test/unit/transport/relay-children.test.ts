/** Who the children of a job are at one node, while that changes. */
import test from 'ava';
import { RelayChildren } from '../../../src/transport/relay-children.js';
import type { Link } from '../../../src/transport/link.js';
import type { Header } from '../../../src/wire/frame.js';
import type { JobSpec, Subtree } from '../../../src/wire/job.js';

interface Seen {
  readonly children: RelayChildren;
  /** By the name of the child, what was posted to it. */
  readonly posted: Map<string, Header[]>;
  readonly events: string[];
}

const node = (name: string, ...children: Subtree[]): Subtree => ({
  name,
  runs: true,
  known: false,
  children,
});

function start(...subtrees: Subtree[]): Seen {
  const posted = new Map<string, Header[]>();
  const events: string[] = [];
  const tell =
    (what: string) =>
    (name: string): void =>
      void events.push(`${what} ${name}`);
  const children = new RelayChildren(
    {
      spec: { job: 'j', epoch: 0, env: {}, contentBytes: 0 } as unknown as JobSpec,
      recoveryDeadlineMs: 0,
      repairDelayMs: 1,
    },
    {
      connect: (name) => {
        const headers: Header[] = [];
        posted.set(name, headers);
        return Promise.resolve({ post: (header: Header) => headers.push(header) } as unknown as Link);
      },
      onAdded: tell('added'),
      onRemoved: tell('removed'),
      onAttached: () => {},
      onKnown: () => {},
      onAway: tell('away'),
      onStranded: tell('stranded'),
      onBack: tell('back'),
      onSlow: tell('slow'),
      onLost: (child) => void events.push(`lost ${child.name}`),
    },
  );
  for (const subtree of subtrees) children.add(subtree);
  return { children, posted, events };
}

const names = (children: RelayChildren): string[] => [...children].map(({ name }) => name).sort();
const kinds = (headers: readonly Header[] | undefined): unknown[] =>
  (headers ?? []).map((header) => header['t']);

test('a new tree: who is new is told the job, who has gone elsewhere is let go, who is the same hears nothing', async (t) => {
  const { children, posted, events } = start(node('same', node('below')), node('gone'));
  await children.open();
  children.replant(1, [node('same', node('below')), node('new')]);
  await new Promise(setImmediate);
  t.deepEqual(names(children), ['new', 'same']);
  t.deepEqual(events, ['added same', 'added gone', 'removed gone', 'added new']);
  t.deepEqual(kinds(posted.get('same')), ['job']);
  t.deepEqual(kinds(posted.get('gone')), ['job', 'parted']);
  t.like(posted.get('new')?.[0], { t: 'job', epoch: 1, again: false });
});

test('a child below which others stand now is told the tree, and its next link begins with that', async (t) => {
  const { children, posted } = start(node('cn1', node('cn2')));
  await children.open();
  children.replant(7, [node('cn1', node('cn2'), node('cn3'))]);
  t.like(posted.get('cn1')?.[1], { t: 'tree', epoch: 7 });
  const child = children.get('cn1');
  t.true(child?.leadsTo('cn3'));
  t.notThrows(() => child?.checkSpeaksFor('cn3'));
});

test('who has gone elsewhere may still be spoken for by who was above it, and is not led to', async (t) => {
  const { children } = start(node('cn0'), node('cn1', node('cn2')));
  await children.open();
  children.replant(1, [node('cn0'), node('cn1'), node('cn2')]);
  const child = children.get('cn1');
  t.throws(() => children.get('cn0')?.checkSpeaksFor('cn1'), { code: 'MESSAGE_INVALID' }, 'as before');
  t.false(child?.leadsTo('cn2'));
  t.notThrows(() => child?.checkSpeaksFor('cn2'));
});

test('input that a child has not taken goes the new way, and is settled once', async (t) => {
  const { children, posted } = start(node('cn1', node('cn2')), node('cn3'));
  await children.open();
  let settled = 0;
  children.routeInput('cn2', 5, false, Buffer.from('abc'), () => settled++);
  children.replant(1, [node('cn1'), node('cn3', node('cn2'))]);
  t.deepEqual(kinds(posted.get('cn1')), ['job', 'stdin', 'tree']);
  // The tree first: it would not know where to send it.
  t.deepEqual(kinds(posted.get('cn3')), ['job', 'tree', 'stdin']);
  t.like(posted.get('cn3')?.[2], { node: 'cn2', at: 5 });
  for (const name of ['cn1', 'cn3']) {
    const channel = children.get(name)?.way.channel;
    channel?.acknowledged(channel.session, [1]);
  }
  t.is(settled, 1);
});

test('input of a child that is dropped goes the new way', async (t) => {
  const { children, posted } = start(node('cn1', node('cn2')));
  await children.open();
  children.routeInput('cn2', 0, true, Buffer.alloc(0), () => {});
  children.replant(1, [node('cn2')]);
  await new Promise(setImmediate);
  // By a link that is not there yet: it is kept, and sent behind the job.
  t.deepEqual(kinds(posted.get('cn2')), ['job', 'stdin']);
});
