/**
 * A node's daemon against a parent that knows the cluster key and sends what it should not. Each time it says what is
 * wrong, nothing is left of the job, and the next job is served as if nothing had been.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { existsSync, readdirSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { eventually } from '../../support/tees.js';
import { LoneNode, NODE, jobMessage, shipmentOf, specOf } from '../../support/lone-node.js';
import { directory, entry, file, manifestOf, symlink } from '../../support/manifest-parts.js';
import type { Part } from '../../support/manifest-parts.js';
import { makeStore, rootTest } from '../../system/environment/fixture.js';
import { PROTOCOL_VERSION } from '../../../src/wire/authentication.js';
import { encodeFrame } from '../../../src/wire/frame.js';
import type { Header } from '../../../src/wire/frame.js';
import { encodeJob } from '../../../src/wire/job.js';

type Send = (header: Header, body?: Buffer) => void;

interface Case {
  readonly name: string;
  readonly code: string;
  readonly names: RegExp;
  readonly send: (send: Send, job: string) => void;
}

const SMALL = manifestOf(directory(''), file('text', 'content'));
const root = directory('');

/** The job, and its document in one unit. */
function shipped(parts: readonly Part[], more: Parameters<typeof shipmentOf>[2] = {}): Case['send'] {
  return (send, job) => {
    const { spec, document } = shipmentOf(manifestOf(...parts), job, more);
    send(jobMessage(spec));
    send({ t: 'unit', job, unit: 0 }, document);
  };
}

function job(change: Header): Case['send'] {
  return (send, name) => send({ ...jobMessage(shipmentOf(SMALL, name).spec), ...change });
}

/** After a good document. */
function then(...units: readonly [unit: number, body: Buffer][]): Case['send'] {
  return (send, name) => {
    shipped([directory(''), file('text', 'content')], { argv: ['sleep', '600'] })(send, name);
    for (const [unit, body] of units) send({ t: 'unit', job: name, unit }, body);
  };
}

const invalidManifest = (name: string, names: RegExp, ...parts: readonly Part[]): Case => ({
  name,
  code: 'MANIFEST_INVALID',
  names,
  send: shipped(parts),
});
const invalidJob = (name: string, names: RegExp, change: Header): Case => ({
  name,
  code: 'MESSAGE_INVALID',
  names,
  send: job(change),
});
const tree = (n: unknown, c: unknown = []): Header => ({ n, r: true, k: false, c });
const deep = (levels: number): Header => tree(`d${levels}`, levels === 0 ? [] : [deep(levels - 1)]);

const CASES: readonly Case[] = [
  invalidManifest('a name that climbs out', /\.\./, root, file('..', 'x')),
  invalidManifest('a path that climbs out', /directory|\.\./, root, file('../escaped', 'x')),
  invalidManifest('an absolute path', /directory/, root, file('/escaped', 'x')),
  invalidManifest('an empty name', /directory|empty/, root, directory('a'), file('a/', 'x')),
  invalidManifest('the same name twice', /ascending/, root, file('a', 'x'), file('a', 'y')),
  invalidManifest(
    'a file below a link',
    /not below a directory/,
    root,
    symlink('a', '/etc'),
    file('a/x', 'x'),
  ),
  invalidManifest('the reserved name', /reserved/, root, directory('.tees')),
  invalidManifest('a name that is too long', /too long/, root, file('n'.repeat(256), 'x')),
  invalidManifest(
    'a mark of the overlay',
    /not allowed/,
    root,
    file('a', 'x', { 'trusted.overlay.redirect': '/etc' }),
  ),
  invalidManifest('a file larger than any', /too large/, root, entry('a', 'file', { size: 2 ** 52 })),
  {
    name: 'a document that is none',
    code: 'MANIFEST_INVALID',
    names: /does not inflate/,
    send: (send, name) => {
      const noise = Buffer.alloc(100, 7);
      send(jobMessage(specOf(noise, name)));
      send({ t: 'unit', job: name, unit: 0 }, noise);
    },
  },
  {
    name: 'contents that were not announced',
    code: 'MANIFEST_INVALID',
    names: /announced/,
    send: shipped([root, file('a', 'x')], { contentBytes: 7 }),
  },
  { name: 'more than the store', code: 'STORE_FULL', names: /room/, send: job({ contentBytes: 2 ** 50 }) },
  {
    name: 'a piece with another digest',
    code: 'CHUNK_CORRUPT',
    names: /piece 0/,
    send: (send, name) => {
      const { spec, document } = shipmentOf(SMALL, name);
      send(jobMessage(spec));
      send({ t: 'unit', job: name, unit: 0 }, Buffer.alloc(document.length));
    },
  },
  {
    name: 'a chunk before the document',
    code: 'MESSAGE_INVALID',
    names: /manifest/,
    send: (send, name) => {
      send(jobMessage(shipmentOf(SMALL, name).spec));
      send({ t: 'unit', job: name, unit: 1 }, Buffer.from('content'));
    },
  },
  {
    name: 'a chunk with another digest',
    code: 'CHUNK_CORRUPT',
    names: /chunk 0/,
    send: then([1, Buffer.from('CONTENT')]),
  },
  {
    name: 'a chunk that is too short',
    code: 'CHUNK_CORRUPT',
    names: /chunk 0/,
    send: then([1, Buffer.from('con')]),
  },
  {
    name: 'a unit that is not there',
    code: 'MESSAGE_INVALID',
    names: /unit 2/,
    send: then([2, Buffer.from('x')]),
  },
  {
    name: 'a unit far away',
    code: 'MESSAGE_INVALID',
    names: /unit 9007199254740991/,
    send: then([Number.MAX_SAFE_INTEGER, Buffer.from('x')]),
  },
  invalidJob('a name with slashes', /name/, { job: '../../etc' }),
  invalidJob('digests that do not fit', /digests/, { documentDigests: Buffer.alloc(33) }),
  invalidJob('no document', /no document/, { documentLengths: [], documentDigests: Buffer.alloc(0) }),
  invalidJob('a user that is none', /uid/, { uid: 2 ** 32 - 1 }),
  invalidJob('a group that is none', /gid/, { gid: -1 }),
  invalidJob('a further group that is none', /groups/, { groups: [2 ** 32 - 1] }),
  invalidJob('no command', /argv/, { argv: [] }),
  invalidJob('a command with a NUL', /argv/, { argv: ['a\0b'] }),
  invalidJob('a variable without a name', /env/, { env: ['=x'] }),
  invalidJob('variables without end', /env/, { env: Array.from({ length: 100_001 }, () => 'A=b') }),
  invalidJob('a place on the storage that climbs out', /storage/, {
    storage: { name: '../x', key: Buffer.alloc(32) },
  }),
  {
    name: 'a storage that this node has not',
    code: 'SHARED_STORAGE_MISSING',
    names: /no shared storage/,
    send: (send, name) => {
      shipped([root], { storage: { name: 'x', key: Buffer.alloc(32) } })(send, name);
      send({ t: 'stored', job: name, segments: 1 });
    },
  },
  {
    name: "somebody else's subtree",
    code: 'JOB_REFUSED',
    names: /for cn3/,
    send: job({ subtree: tree('cn3') }),
  },
  invalidJob('a tree with a cycle', /twice/, { subtree: tree(NODE, [tree('cn1', [tree(NODE)])]) }),
  invalidJob('a tree that is too deep', /limits/, { subtree: tree(NODE, [deep(80)]) }),
  {
    name: 'a hook that there is not',
    code: 'HOOK_UNKNOWN',
    names: /magic/,
    send: shipped([root], { hook: 'magic' }),
  },
];

async function clean(t: ExecutionContext, node: LoneNode): Promise<void> {
  await eventually('an empty store', () => node.remains().length === 0 || undefined);
  t.deepEqual(node.remains(), []);
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

rootTest(
  'whatever a parent sends, it is told what is wrong, nothing is left, and the next job runs',
  async (t) => {
    t.timeout(240_000);
    const store = makeStore(t);
    const node = await LoneNode.start(t, store);
    t.is(await node.goodJob(), 0);
    const before = descriptors();
    for (const { name, code, names, send } of CASES) {
      const link = await node.link();
      const job = node.nextJob();
      const lostBefore = node.lost.length;
      send((header, body) => link.post(header, body), job);
      const error = await eventually(`a refusal of ${name}`, () => node.refusalSince(job, lostBefore));
      t.is(error.code, code, `${name}: ${error.message}`);
      t.regex(`${error.message} ${error.path ?? ''}`, names, name);
      if (link.isOpen) {
        link.post({ t: 'end', job });
        if (code !== 'JOB_REFUSED') await node.gone(job);
      }
      await eventually('the link', () => link.isOpen || node.lost.length > lostBefore);
      await clean(t, node);
      t.is(await node.goodJob(), 0, `after ${name}`);
    }
    t.false(existsSync('/escaped'));
    t.deepEqual(
      readdirSync(store).filter((name) => !['jobs', 'removed', 'run'].includes(name)),
      [],
    );
    await eventually('as few descriptors as before', () => descriptors() <= before + 4);
  },
);

rootTest('a job that was here, as the parent knows, and is no more is not begun again', async (t) => {
  const node = await LoneNode.start(t, makeStore(t));
  const link = await node.link();
  const job = node.nextJob();
  link.post(encodeJob(shipmentOf(SMALL, job).spec, true));
  const error = await eventually('a refusal', () => node.refusalSince(job, 0));
  t.is(error.code, 'JOB_OVER');
  t.true(link.isOpen);
  await clean(t, node);
});

rootTest('units that come twice, and messages for jobs that are not there, change nothing', async (t) => {
  const node = await LoneNode.start(t, makeStore(t));
  const link = await node.link();
  for (const message of [
    { t: 'unit', unit: 0 },
    { t: 'end' },
    { t: 'signal', signal: 'SIGKILL' },
    { t: 'nonsense' },
  ])
    link.post({ ...message, job: 'nobody' }, Buffer.from('x'));
  const job = node.nextJob();
  const { spec, document } = shipmentOf(SMALL, job, { argv: ['cat', '/text'] });
  link.post(jobMessage(spec));
  for (let i = 0; i < 3; i++) link.post({ t: 'unit', job, unit: 0 }, document);
  for (let i = 0; i < 3; i++) link.post({ t: 'unit', job, unit: 1 }, Buffer.from('content'));
  t.is(await node.exitOf(job), 0);
  link.post({ t: 'end', job });
  await node.gone(job);
  t.true(link.isOpen);
  await clean(t, node);
});

rootTest(
  'a parent that goes away in the middle of a chunk takes its job with it and nothing else',
  async (t) => {
    const node = await LoneNode.start(t, makeStore(t));
    const rogue = node.peer('cn1', node.key);
    const link = await rogue.connect(NODE);
    const job = node.nextJob();
    const { spec, document } = shipmentOf(SMALL, job);
    link.post(jobMessage(spec));
    link.post({ t: 'unit', job, unit: 0 }, document);
    await eventually('the job', () => readdirSync(`${node.store}/jobs`).length > 0);
    link.destroy();
    await clean(t, node);
    t.is(await node.goodJob(), 0);
    await rogue.close();
  },
);

rootTest('who cannot prove the key, or repeats what somebody else has proved, is refused', async (t) => {
  const node = await LoneNode.start(t, makeStore(t));
  const stranger = node.peer('login', Buffer.alloc(32, 1));
  const error = await t.throwsAsync<Error & { code: string }>(stranger.connect(NODE));
  t.is(error?.code, 'KEY_REJECTED');
  const hello = {
    t: 'hello',
    version: PROTOCOL_VERSION,
    means: 'key',
    from: 'login',
    to: NODE,
    nonce: Buffer.alloc(32, 9),
  };
  const replayed = [encodeFrame(hello), encodeFrame({ t: 'proof', proof: Buffer.alloc(32, 5) })];
  const socket = connect(node.port, '127.0.0.1');
  const closed = once(socket.on('error', () => {}).resume(), 'close');
  socket.write(Buffer.concat(replayed));
  await closed;
  await eventually('the refusal in the log', () => node.log.some((line) => line.includes('KEY_REJECTED')));
  t.is(await node.goodJob(), 0);
  await stranger.close();
});
