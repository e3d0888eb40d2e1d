/** What the relay is fed with: one job for it and its children, and a file that does not compress. */
import { randomFillSync } from 'node:crypto';
import { fromText } from '../../src/base/bytes.js';
import type { ByteString } from '../../src/base/bytes.js';
import { TeesError } from '../../src/base/errors.js';
import { CHUNK_SIZE_BYTES } from '../../src/base/limits.js';
import { chunkDigest } from '../../src/image/chunks.js';
import { encodeShipment } from '../../src/image/document.js';
import type { Entry } from '../../src/image/manifest.js';
import { cutDocument } from '../../src/image/pieces.js';
import { Links } from '../../src/transport/links.js';
import type { Header } from '../../src/wire/frame.js';
import { encodeJob } from '../../src/wire/job.js';
import type { Subtree } from '../../src/wire/job.js';
import { encodeMessage } from '../../src/wire/messages.js';
import { keyProver } from '../../src/wire/authentication.js';

const DEADLINE_MS = 120_000;
const METADATA = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: [],
  opaque: false,
};

export interface Feed {
  readonly units: number;
  readonly bytes: number;
  /** Resolves when the relay and all of its children have everything. */
  run(): Promise<void>;
  /** Resolves when nothing of the job is left at the relay. */
  end(): Promise<void>;
}

export function feed(job: string, key: Buffer, port: number, children: number, chunks: number): Feed {
  // Each chunk is another one; making them costs less than keeping them all.
  const random = randomFillSync(Buffer.alloc(CHUNK_SIZE_BYTES));
  const chunk = (index: number): Buffer => {
    const body = Buffer.from(random);
    body.writeUInt32LE(index, 0);
    return body;
  };
  const digests = Buffer.concat(Array.from({ length: chunks }, (_, index) => chunkDigest(chunk(index))));
  const bytes = chunks * CHUNK_SIZE_BYTES;
  const root: Entry = { path: '' as ByteString, type: 'directory', size: 0, ...METADATA };
  const entry: Entry = { path: fromText('file'), type: 'file', size: bytes, content: 0, ...METADATA };
  const content = { size: bytes, extents: [0, bytes], firstChunk: 0, chunkCount: chunks };
  const manifest = { entries: [root, entry], contents: [content], digests };
  const { pieces, digests: documentDigests } = cutDocument(
    encodeShipment({ manifest, order: [0], urgentCount: 0 }),
  );
  const leaf = (name: string, below: readonly Subtree[] = []): Subtree => {
    return { name, runs: false, known: false, children: below };
  };
  const subtree = leaf(
    'cn0',
    Array.from({ length: children }, (_, i) => leaf(`cn${i + 1}`)),
  );
  const spec = {
    ...{
      job,
      uid: 0,
      gid: 0,
      groups: [],
      argv: ['true'],
      env: {},
      cwd: '/',
      inputNode: 'cn1',
      tracedNodes: [],
    },
    ...{
      hook: 'fuse',
      fuseEngine: 'tees',
      layout: 'auto',
      demand: true,
      stallDeadlineMs: 60_000,
      onStall: 'wait',
    },
    documentLengths: pieces.map(({ length }) => length),
    ...{ documentDigests, contentBytes: bytes, epoch: 0, subtree },
  };
  const heard: { tests: (header: Header) => boolean; go: () => void }[] = [];
  const failures: string[] = [];
  const links = new Links({
    ...{ self: 'login', prover: keyProver(key), silenceDeadlineMs: 60_000 },
    address: () => ({ host: '127.0.0.1', port }),
    onFrame: (_link, { header }) => {
      if (JSON.stringify(header).includes('"failed"')) failures.push(JSON.stringify(header));
      for (const waiting of heard) if (waiting.tests(header)) waiting.go();
    },
    onClosed: (_link, error) => void (error && failures.push(error.message)),
    onRefused: (error) => void failures.push(error.message),
  });
  const hears = (what: string, tests: (header: Header) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const late = (): void => reject(new TeesError('TRIAL_FAILED', `no ${what}: ${failures.join('; ')}`));
      const deadline = setTimeout(late, DEADLINE_MS);
      heard.push({ tests, go: () => (clearTimeout(deadline), resolve()) });
    });
  return {
    units: pieces.length + chunks,
    bytes,
    run: async () => {
      const link = await links.connect('cn0');
      const isReady = hears('answer', ({ t }) => t === 'have');
      const isOpen = hears('opened document', ({ t, opened }) => t === 'have' && opened === true);
      const isDelivered = hears('delivery', ({ t }) => t === 'delivered');
      link.post(encodeJob(spec, false));
      await isReady;
      for (const [unit, body] of pieces.entries())
        await link.send(encodeMessage({ t: 'unit', job, unit }), body);
      await isOpen;
      for (let index = 0; index < chunks; index++)
        await link.send(encodeMessage({ t: 'unit', job, unit: pieces.length + index }), chunk(index));
      await isDelivered;
    },
    end: async () => {
      const link = await links.connect('cn0');
      const isGone = hears('end', ({ t }) => t === 'gone');
      link.post(encodeMessage({ t: 'end', job }));
      await isGone;
      await links.close();
    },
  };
}
