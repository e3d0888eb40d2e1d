/** The names layer on a real file system: metadata, attributes for the overlay, and what happens without space. */
import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteString } from '../../../src/base/bytes.js';
import { TeesError } from '../../../src/base/errors.js';
import { native } from '../../../src/base/native.js';
import { prepareDirectories } from '../../../src/environment/directories.js';
import { writeNamesLayer } from '../../../src/environment/names-layer.js';
import type { Entry } from '../../../src/image/manifest.js';
import { directory, entry, file, manifestOf } from '../../support/manifest-parts.js';
import { makeJob, makeStore, rootTest } from './fixture.js';

const attribute = (path: string, name: string): string =>
  native().getXattr(Buffer.from(path), Buffer.from(name)).toString();

rootTest('a file with content is a sparse file that points to it', async (t) => {
  const { directories } = await makeJob(t, file('a', 'first'), file('b', 'second'));
  const path = join(directories.names, 'b');
  const { size, blocks } = lstatSync(path);
  t.deepEqual([size, blocks], [6, 0]);
  t.is(attribute(path, 'trusted.overlay.redirect'), '/.tees/1');
  t.is(attribute(path, 'trusted.overlay.metacopy'), '');
});

rootTest('a file without data is itself', async (t) => {
  const { directories } = await makeJob(t, file('empty'), entry('hole', 'file', { size: 5000 }));
  for (const name of ['empty', 'hole'])
    t.deepEqual(native().listXattrs(Buffer.from(join(directories.names, name))), []);
  t.deepEqual(readFileSync(join(directories.names, 'hole')), Buffer.alloc(5000));
});

rootTest('what is in a directory inherits nothing from it', async (t) => {
  const acl = Buffer.alloc(4 + 8 * 5);
  acl.writeUInt32LE(2, 0);
  for (const [i, [tag, permissions, id]] of [
    [0x01, 7, -1],
    [0x02, 7, 12345],
    [0x04, 7, -1],
    [0x10, 7, -1],
    [0x20, 7, -1],
  ].entries()) {
    acl.writeUInt16LE(tag as number, 4 + 8 * i);
    acl.writeUInt16LE(permissions as number, 6 + 8 * i);
    acl.writeInt32LE(id as number, 8 + 8 * i);
  }
  const xattrs = [{ name: 'system.posix_acl_default' as ByteString, value: acl }];
  const { directories } = await makeJob(
    t,
    directory('shared', { mode: 0o2775, gid: 4321, xattrs }),
    directory('shared/inner', { mode: 0o700 }),
    entry('shared/plain', 'file', { mode: 0o600, mtimeSeconds: -1, mtimeNanoseconds: 999_999_999 }),
  );
  const shared = join(directories.names, 'shared');
  t.is(lstatSync(shared).mode & 0o7777, 0o2775);
  for (const [name, mode] of [
    ['inner', 0o700],
    ['plain', 0o600],
  ] as const) {
    const { mode: found, gid } = lstatSync(join(shared, name));
    t.deepEqual([found & 0o7777, gid], [mode, 0]);
    t.deepEqual(native().listXattrs(Buffer.from(join(shared, name))), []);
  }
  t.is(lstatSync(join(shared, 'plain'), { bigint: true }).mtimeNs, -1n);
});

rootTest('a file keeps capabilities and set-id bits beside a foreign owner', async (t) => {
  const capability = Buffer.alloc(20);
  capability.writeUInt32LE(0x02000001, 0);
  capability.writeUInt32LE(1 << 13, 4);
  const xattrs = [{ name: 'security.capability' as ByteString, value: capability }];
  const { directories } = await makeJob(t, entry('ping', 'file', { uid: 5, gid: 6, mode: 0o6755, xattrs }));
  const path = join(directories.names, 'ping');
  t.is(lstatSync(path).mode & 0o7777, 0o6755);
  t.deepEqual(native().getXattr(Buffer.from(path), Buffer.from('security.capability')), capability);
});

rootTest('whiteouts of what the node has not are left out, of what it has they stand', async (t) => {
  const { directories } = await makeJob(
    t,
    directory('usr'),
    directory('usr/bin'),
    entry('usr/bin/env', 'whiteout'),
    entry('usr/bin/no-such-program', 'whiteout'),
  );
  t.deepEqual(readdirSync(join(directories.names, 'usr/bin')), ['env']);
});

rootTest('a full store is an error with the path and what to do', async (t) => {
  const store = makeStore(t);
  const directories = await prepareDirectories(join(store, 'job'));
  execFileSync('mount', ['-o', 'remount,nr_inodes=60', store]);
  const parts = Array.from({ length: 200 }, (_, i) => file(`file-${String(i).padStart(3, '0')}`));
  const error = await t.throwsAsync(writeNamesLayer(manifestOf(...parts), directories), {
    instanceOf: TeesError,
  });
  t.is(error?.code, 'STORE_FULL');
  t.regex(error?.path ?? '', /^file-\d+$/);
  t.regex(error?.hint ?? '', /nr_inodes/);
});

rootTest('a hundred thousand names are written whole', async (t) => {
  const count = 100_000;
  const entries: Entry[] = [directory('').entry];
  for (let i = 0; i < count / 100; i++) {
    const name = `d${String(i).padStart(4, '0')}`;
    entries.push(directory(name).entry);
    for (let j = 0; j < 99; j++) entries.push(entry(`${name}/f${String(j).padStart(2, '0')}`, 'file').entry);
  }
  const directories = await prepareDirectories(join(makeStore(t), 'job'));
  const start = performance.now();
  await writeNamesLayer({ entries, contents: [], digests: Buffer.alloc(0) }, directories);
  t.log(`${count} names in ${Math.round(performance.now() - start)} ms`);
  // The whiteout of `.tees` beside them.
  t.is(readdirSync(directories.names).length, count / 100 + 1);
  t.is(readdirSync(directories.names, { recursive: true }).length, count + 1);
});
