/** Arbitrary valid manifests for property tests: any bytes in names, every type, hardlinks, holes, shared contents. */
import fc from 'fast-check';
import type { ByteString } from '../../src/base/bytes.js';
import { fromBuffer } from '../../src/base/bytes.js';
import { CHUNK_SIZE_BYTES } from '../../src/base/limits.js';
import { chunkDigest } from '../../src/image/chunks.js';
import type { Content, Entry, EntryType, Manifest, Xattr } from '../../src/image/manifest.js';
import { dataSize } from '../../src/image/manifest.js';

const name = fc
  .uint8Array({ minLength: 1, maxLength: 9 })
  .map((bytes) => fromBuffer(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x80 : byte))))
  .filter((text) => text !== '.' && text !== '..' && text !== '.tees');

const xattr = fc.record({
  name: fc.oneof(
    fc.constantFrom('security.capability', 'system.posix_acl_access', 'system.posix_acl_default'),
    name.filter((text) => !text.startsWith('overlay')).map((text) => `user.${text}`),
  ) as fc.Arbitrary<ByteString>,
  value: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
});
const xattrs = fc
  .uniqueArray(xattr, { maxLength: 3, selector: (one: Xattr) => one.name })
  .map((list) => list.sort((a, b) => (a.name < b.name ? -1 : 1)));

/** [gap, length] pairs and a trailing hole. */
const content = fc.record({
  runs: fc.array(
    fc.tuple(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: 1, max: 3 * CHUNK_SIZE_BYTES })),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
  trailingHole: fc.integer({ min: 0, max: 9000 }),
});
type ContentSpec = typeof content extends fc.Arbitrary<infer T> ? T : never;

const step = fc.record({
  parent: fc.nat(),
  name,
  type: fc.constantFrom<EntryType>('directory', 'file', 'file', 'symlink', 'fifo', 'socket', 'whiteout'),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
  gid: fc.constantFrom(0, 1000, 2 ** 32 - 2),
  mtimeSeconds: fc.oneof(fc.integer(), fc.constantFrom(0, -(2 ** 50), 2 ** 50)),
  mtimeNanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  xattrs,
  opaque: fc.boolean(),
  target: fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => fromBuffer(bytes.map((b) => b || 1))),
  size: fc.constantFrom(0, 1, 2 ** 50),
  content: fc.option(fc.nat()),
  link: fc.option(fc.nat()),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export const randomManifest: fc.Arbitrary<Manifest> = fc
  .tuple(fc.array(step, { maxLength: 40 }), fc.array(content, { maxLength: 6 }))
  .map(([steps, contents]) => makeManifest(steps, contents));

function makeManifest(steps: readonly Step[], specs: readonly ContentSpec[]): Manifest {
  const directories = [''];
  const byPath = new Map<string, Step>();
  for (const one of steps) {
    const parent = directories[one.parent % directories.length] as string;
    const path = parent === '' ? one.name : `${parent}/${one.name}`;
    if (byPath.has(path)) continue;
    byPath.set(path, one);
    if (one.type === 'directory') directories.push(path);
  }
  const paths = [...byPath.keys()].sort((a, b) => (a < b ? -1 : 1));
  const used = new Map<number, number>();
  const entries: Entry[] = [root];
  for (const path of paths)
    entries.push(makeEntry(path as ByteString, byPath.get(path) as Step, entries, specs, used));
  return { entries, ...makeContents([...used.keys()].map((index) => specs[index] as ContentSpec)) };
}

const root: Entry = {
  path: '' as ByteString,
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 1_700_000_000,
  mtimeNanoseconds: 1,
  xattrs: [],
  opaque: false,
  size: 0,
};

function makeEntry(
  path: ByteString,
  spec: Step,
  entries: readonly Entry[],
  contents: readonly ContentSpec[],
  used: Map<number, number>,
): Entry {
  const { type, mode, uid, gid, mtimeSeconds, mtimeNanoseconds } = spec;
  const candidates = entries.filter((other) => other.type === type && other.hardlinkTo === undefined);
  const first = spec.link === null ? undefined : candidates[spec.link % Math.max(1, candidates.length)];
  if (first && (type === 'file' || type === 'symlink' || type === 'fifo'))
    return { ...first, path, hardlinkTo: entries.indexOf(first) };
  const base: Entry = {
    path,
    type,
    mode,
    uid,
    gid,
    mtimeSeconds,
    mtimeNanoseconds,
    xattrs: type === 'whiteout' ? [] : spec.xattrs,
    opaque: type === 'directory' && spec.opaque,
    size: 0,
  };
  if (type === 'symlink') return { ...base, target: spec.target };
  if (type !== 'file') return base;
  if (spec.content === null || contents.length === 0) return { ...base, size: spec.size };
  const chosen = spec.content % contents.length;
  if (!used.has(chosen)) used.set(chosen, used.size);
  const size = sizeOf(contents[chosen] as ContentSpec);
  return { ...base, size, content: used.get(chosen) as number };
}

function sizeOf({ runs, trailingHole }: ContentSpec): number {
  return runs.reduce((sum, [gap, length], i) => sum + (i > 0 ? gap + 1 : gap) + length, trailingHole);
}

function makeContents(specs: readonly ContentSpec[]): Pick<Manifest, 'contents' | 'digests'> {
  const contents: Content[] = [];
  let firstChunk = 0;
  for (const spec of specs) {
    const extents: number[] = [];
    let end = 0;
    spec.runs.forEach(([gap, length], i) => {
      const offset = end + (i > 0 ? gap + 1 : gap);
      extents.push(offset, length);
      end = offset + length;
    });
    const made = { size: sizeOf(spec), extents, firstChunk, chunkCount: 0 };
    made.chunkCount = Math.ceil(dataSize(made) / CHUNK_SIZE_BYTES);
    firstChunk += made.chunkCount;
    contents.push(made);
  }
  const digests = Array.from({ length: firstChunk }, (_, i) => chunkDigest(Buffer.from(`chunk ${i}`)));
  return { contents, digests: Buffer.concat(digests) };
}
