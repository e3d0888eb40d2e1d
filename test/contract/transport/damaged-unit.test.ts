/**
 * A unit that is not what the manifest says, by each way on which units come to a node: it is refused, nothing of the job
 * is left, and the next job is served.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import type { Link } from '../../../src/transport/link.js';
import { StorageProcess } from '../../../src/transport/storage/storage-process.js';
import type { JobSpec } from '../../../src/wire/job.js';
import { LoneNode, jobMessage, shipmentOf } from '../../support/lone-node.js';
import type { Refusal } from '../../support/lone-node.js';
import { directory, file, manifestOf } from '../../support/manifest-parts.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { eventually } from '../../support/tees.js';
import { makeStore, rootTest } from '../../system/environment/fixture.js';

interface Delivery {
  readonly link: Link;
  readonly job: string;
  readonly shared: string;
  /** The document, and the one chunk. */
  readonly units: readonly Buffer[];
  /** Of the job's directory on the shared storage, before the node hears of it. */
  readonly damage: (path: string) => void;
}

interface Way {
  readonly name: string;
  readonly more: Partial<JobSpec>;
  readonly bring: (delivery: Delivery) => Promise<void>;
}

const USER = { uid: 12345, gid: 12345, groups: [] };
const place = { name: 'tees-test', key: randomBytes(32) };
const LAYER = manifestOf(directory(''), file('text', 'content'));

const LINK: Way = {
  name: 'by a link',
  more: {},
  bring: ({ link, job, units }) => {
    for (const [unit, body] of units.entries()) link.post({ t: 'unit', job, unit }, body);
    return Promise.resolve();
  },
};

const STORAGE: Way = {
  name: 'from the shared storage',
  more: { ...USER, storage: place },
  bring: async ({ link, job, shared, units, damage }) => {
    const storage = new StorageProcess({ directory: shared, ...place, user: USER, deadlineMs: 10_000 });
    await storage.make();
    for (const [segment, unit] of units.entries()) {
      await storage.write(segment, [unit]);
      await storage.finish(segment);
    }
    damage(storage.path);
    storage.kill();
    link.post({ t: 'stored', job, segments: units.length });
  },
};

async function refusalOf(
  t: ExecutionContext,
  { more, bring }: Way,
  unitsOf: (document: Buffer) => Buffer[],
  damage: (path: string) => void = () => {},
): Promise<Refusal> {
  const shared = temporaryDirectory('shared');
  chmodSync(shared, 0o1777);
  t.teardown(() => rmSync(shared, { recursive: true, force: true }));
  const node = await LoneNode.start(t, makeStore(t), `sharedStorage: { directory: ${shared} }`);
  const job = node.nextJob();
  const link = await node.link();
  const { spec, document } = shipmentOf(LAYER, job, { argv: ['cat', '/text'], ...more });
  const lost = node.lost.length;
  link.post(jobMessage(spec));
  await bring({ link, job, shared, damage, units: unitsOf(document) });
  const refusal = await eventually('a refusal', () => node.refusalSince(job, lost));
  link.post({ t: 'end', job });
  await node.gone(job);
  await eventually('nothing is left', () => node.remains().length === 0);
  t.is(await node.goodJob(), 0);
  return refusal;
}

const good = Buffer.from('content');
const bad = Buffer.from('CONTENT');

for (const way of [LINK, STORAGE]) {
  rootTest(`a chunk that is damaged ${way.name} is refused`, async (t) => {
    const refusal = await refusalOf(t, way, (document) => [document, bad]);
    t.is(refusal.code, 'CHUNK_CORRUPT');
    t.regex(refusal.message, /chunk 0/);
    if (way === STORAGE) t.regex(refusal.path ?? '', /\/tees-test\/1$/);
  });

  rootTest(`a piece of the document that is damaged ${way.name} is refused`, async (t) => {
    const refusal = await refusalOf(t, way, (document) => [Buffer.alloc(document.length), good]);
    t.is(refusal.code, 'CHUNK_CORRUPT');
    t.regex(refusal.message, /piece 0/);
    if (way === STORAGE) t.regex(refusal.path ?? '', /\/tees-test\/0$/);
  });
}

rootTest('a file on the shared storage that somebody has changed is refused', async (t) => {
  const change = (path: string): void => writeFileSync(`${path}/1`, 'content');
  const refusal = await refusalOf(t, STORAGE, (document) => [document, good], change);
  t.is(refusal.code, 'CHUNK_CORRUPT');
});

rootTest('and so is one that was cut off', async (t) => {
  const cut = (path: string): void => truncateSync(`${path}/1`, 3);
  const refusal = await refusalOf(t, STORAGE, (document) => [document, good], cut);
  t.is(refusal.code, 'SHARED_STORAGE_FAILED');
  t.regex(refusal.message, /shorter/);
});
