import test from 'ava';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteString } from '../../../src/base/bytes.js';
import { fromText } from '../../../src/base/bytes.js';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import { chunkCountOf, chunkLocation } from '../../../src/image/chunks.js';
import { decodeManifest, encodeManifest } from '../../../src/image/codec.js';
import type { Entry, Manifest } from '../../../src/image/manifest.js';
import type { ScannedLayer } from '../../../src/scan/scan.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { describeEntries, escapeBytes } from '../../support/describe-tree.js';
import {
  BOUNDARY_SIZES,
  ODD_NAMES,
  aclBytes,
  makeSpecialLayer,
  randomBytesOf,
} from '../../support/special-layer.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;
const whyRoot = isRoot ? '' : ' (skipped: only root can make such a layer)';

let dir: string;
let layer: ScannedLayer;
const entries = new Map<string, Entry>();

test.before(async () => {
  dir = temporaryDirectory('scan');
  await makeSpecialLayer(dir, { hide: ['etc/motd'] });
  layer = await scanLayer(dir);
  for (const entry of layer.manifest.entries) entries.set(entry.path, entry);
});

test.after.always(async () => {
  await layer?.close();
  rmSync(dir, { recursive: true, force: true });
});

function at(path: string): Entry {
  const found = entries.get(`special/${path}`);
  if (!found) throw new Error(`no entry special/${path}`);
  return found;
}

test('every name of the layer is an entry, with its type, mode, owner, time and target', (t) => {
  const described = describeEntries(dir);
  t.true(described.size > 150);
  for (const [path, expected] of described) {
    const say = escapeBytes(path);
    const entry = entries.get(path === '.' ? '' : path) as Entry;
    t.is(entry.type, expected['type'] as Entry['type'], say);
    t.is(entry.mode.toString(8).padStart(4, '0'), expected['mode'] ?? '', say);
    t.is(`${entry.uid}:${entry.gid}`, expected['owner'] ?? '', say);
    const mtimeNs = BigInt(entry.mtimeSeconds) * 1_000_000_000n + BigInt(entry.mtimeNanoseconds);
    t.is(String(mtimeNs), expected['mtimeNs'] ?? '', say);
    t.is(entry.target === undefined, expected['target'] === undefined, say);
    for (const { name, value } of entry.xattrs)
      t.is(value.toString('hex'), expected[`xattr:${escapeBytes(name)}`] ?? 'absent', `${say} ${name}`);
    const attributes = Object.keys(expected).filter((field) => field.startsWith('xattr:'));
    t.is(entry.xattrs.length, attributes.length, say);
  }
  const whiteouts = [...entries.values()].filter(({ type }) => type === 'whiteout');
  t.is(entries.size, described.size + whiteouts.length);
});

test('names are the bytes that they are', (t) => {
  for (const name of ODD_NAMES) t.is(at(`names/${name}.d/${name}`).type, 'file');
  t.is(at(`names/${fromText('ünïcödé-名前')}`).type, 'file');
  t.is(at(`types/odd-target`).target, '\xff\n\xfe' as ByteString);
});

test('entries stand in byte order, also where a name sorts between a directory and what it holds', (t) => {
  const paths = layer.manifest.entries.map(({ path }) => path);
  t.deepEqual(paths, [...paths].sort());
  t.true(
    paths.indexOf('special/names/sort-' as ByteString) <
      paths.indexOf('special/names/sort/inner' as ByteString),
  );
});

test('the encoding of a layer of every special case decodes to the same manifest', (t) => {
  t.deepEqual(decodeManifest(encodeManifest(layer.manifest)), layer.manifest);
});

test('times before 1970 and beyond 2038 are exact to the nanosecond', (t) => {
  t.like(at('times/before-1970'), { mtimeSeconds: -2, mtimeNanoseconds: 123_456_789 });
  t.like(at('times/before-1970.link'), { mtimeSeconds: -2, mtimeNanoseconds: 123_456_789 });
  t.is(at('times/after-2038.d').mtimeNanoseconds, 999_999_999);
});

test('hardlinks point to their first name, across directories', (t) => {
  const first = layer.manifest.entries.findIndex(({ path }) => path === 'special/linked-above');
  for (const path of ['types/links/one', 'types/empty-directory-link']) t.is(at(path).hardlinkTo, first);
  t.is(entries.get('special/linked-above')?.hardlinkTo, undefined);
  t.not(at('types/links/fifo').hardlinkTo, undefined);
  t.not(at('types/links/dangling').hardlinkTo, undefined);
  t.not(at('types/links/empty-too').hardlinkTo, undefined);
});

test('an empty file and a file that is one hole have no content', (t) => {
  t.like(at('types/empty-file'), { size: 0, content: undefined });
  t.like(at('sparse/no-data'), { size: 8 * 65536, content: undefined });
  t.like(at('sparse/no-data-odd'), { size: 4097, content: undefined });
});

test('files of every size around chunks have as many chunks as they need', (t) => {
  for (const size of BOUNDARY_SIZES.filter((one) => one > 0)) {
    const { content } = at(`contents/size-${size}`);
    t.is(layer.manifest.contents[content as number]?.chunkCount, Math.ceil(size / CHUNK_SIZE_BYTES));
  }
});

test('equal files share one content', (t) => {
  for (const size of BOUNDARY_SIZES) {
    t.is(at(`contents/size-${size}`).content, at(`contents/copy-${size}`).content);
    t.is(at(`contents/copy-${size}`).hardlinkTo, undefined);
  }
});

test('the extents of sparse files are their data, and zeros that were written are data', (t) => {
  const extents = (path: string) => layer.manifest.contents[at(path).content as number]?.extents;
  const expected = describeEntries(join(dir, 'special'));
  for (const name of ['leading-hole', 'middle-hole', 'trailing-hole', 'odd-size', 'five-gib', 'chunks'])
    t.is(extents(`sparse/${name}`)?.join(','), expected.get(`sparse/${name}` as ByteString)?.['data']);
  t.is(extents('contents/zeros-with-data')?.join(','), `0,${2 * CHUNK_SIZE_BYTES}`);
});

test('a chunk that spans a hole is read from both sides of it', async (t) => {
  const { content } = at('sparse/chunks');
  const { firstChunk = 0, chunkCount = 0 } = layer.manifest.contents[content as number] ?? {};
  const read: Buffer[] = [];
  for (let chunk = firstChunk; chunk < firstChunk + chunkCount; chunk++)
    read.push(await layer.readChunk(chunk));
  const block = 65536;
  const data = [
    [2, 5],
    [10, 7],
    [30, 1],
  ].map(([offset = 0, length = 0]) => randomBytesOf((offset * block) % 251, length * block));
  t.true(chunkLocation(layer.manifest, firstChunk + 1).pieces.length > 1);
  t.true(Buffer.concat(read).equals(Buffer.concat(data)));
});

test('every chunk of the layer can be read and verifies, many at once', async (t) => {
  const chunks = Array.from({ length: chunkCountOf(layer.manifest) }, (_, chunk) => layer.readChunk(chunk));
  const lengths = (await Promise.all(chunks)).map((bytes) => bytes.length);
  t.true(lengths.every((length) => length > 0 && length <= CHUNK_SIZE_BYTES));
});

test('attributes and ACLs are kept', (t) => {
  const acl = aclBytes([
    [0x01, 6],
    [0x02, 7, 12345],
    [0x04, 4],
    [0x10, 5],
    [0x20, 0],
  ]);
  t.deepEqual(at('attributes/acl').xattrs, [{ name: 'system.posix_acl_access' as ByteString, value: acl }]);
  t.deepEqual(
    at('attributes/default-acl').xattrs.map(({ name }) => name as string),
    ['system.posix_acl_default', 'user.on.directory'],
  );
});

asRoot(`file capabilities are kept${whyRoot}`, (t) => {
  t.is(at('capabilities/version2').xattrs[0]?.value.length, 20);
  t.is(at('capabilities/version3').xattrs[0]?.value.length, 24);
});

asRoot(`each name of a hardlinked whiteout is a whiteout of its own${whyRoot}`, (t) => {
  for (const path of ['whiteout', 'hardlinked-whiteout', 'inner/hardlinked-whiteout'])
    t.like(at(`overlay/${path}`), { type: 'whiteout', hardlinkTo: undefined });
  t.is(entries.get('etc/motd')?.type, 'whiteout');
});

asRoot(
  `directories are opaque by either mark, and the overlay's own attributes do not travel${whyRoot}`,
  (t) => {
    t.like(at('overlay/opaque-trusted'), { opaque: true, xattrs: [] });
    t.like(at('overlay/opaque-user'), { opaque: true, xattrs: [] });
    t.like(at('overlay'), { opaque: false, xattrs: [] });
    t.deepEqual(at('overlay/opaque-trusted/kept').xattrs, []);
  },
);

test('progress counts every entry and every byte of data', (t) => {
  t.is(layer.statistics.entries, layer.manifest.entries.length);
  t.true(layer.statistics.bytesHashed > 0);
  t.is(layer.statistics.manifestBytes, encodeManifest(layer.manifest).length);
});

test('an empty directory is a layer', async (t) => {
  const empty = temporaryDirectory('scan-empty');
  try {
    const source = await scanLayer(empty);
    t.is(source.manifest.entries.length, 1);
    await source.close();
  } finally {
    rmSync(empty, { recursive: true });
  }
});

test('an aborted scan rejects with the reason, and can be aborted before it starts', async (t) => {
  const reason = new Error('enough');
  await t.throwsAsync(scanLayer(dir, { signal: AbortSignal.abort(reason) }), { is: reason });
  const controller = new AbortController();
  const scan = scanLayer(dir, { signal: controller.signal });
  controller.abort(reason);
  await t.throwsAsync(scan, { is: reason });
});

test('the layer of a link to a directory is the directory, and a link inside is a link', async (t) => {
  const outer = temporaryDirectory('scan-link');
  try {
    mkdirSync(join(outer, 'real'));
    writeFileSync(join(outer, 'real', 'file'), 'text');
    chmodSync(join(outer, 'real', 'file'), 0o600);
    symlinkSync('/', join(outer, 'real', 'root'));
    symlinkSync('real', join(outer, 'link'));
    const source = await scanLayer(join(outer, 'link'));
    const { entries: found }: Manifest = source.manifest;
    await source.close();
    t.deepEqual(
      found.map(({ path }) => path as string),
      ['', 'file', 'root'],
    );
  } finally {
    rmSync(outer, { recursive: true });
  }
});
