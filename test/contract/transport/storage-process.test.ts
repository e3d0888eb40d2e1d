/** The process that touches the shared storage: what it writes and as whom, and how each thing that can go wrong is told. */
import { execFileSync } from 'node:child_process';
import { createDecipheriv, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { TeesError } from '../../../src/base/errors.js';
import { StorageRecords } from '../../../src/login/storage-records.js';
import { StorageProcess } from '../../../src/transport/storage/storage-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const isRoot = process.geteuid?.() === 0;
const asRoot = isRoot ? test : test.skip;
const because = isRoot ? '' : ' (skipped: it takes root)';
/** Nobody's: no passwd entry is needed. */
const USER = isRoot
  ? { uid: 12345, gid: 12346, groups: [12347] }
  : { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, groups: [] };
const key = randomBytes(32);

function shared(t: ExecutionContext): string {
  const directory = temporaryDirectory('shared');
  chmodSync(directory, 0o1777);
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function start(t: ExecutionContext, directory: string, deadlineMs = 10_000): StorageProcess {
  const storage = new StorageProcess({ directory, name: 'tees-1', user: USER, key, deadlineMs });
  t.teardown(() => storage.kill());
  return storage;
}

function refused(t: ExecutionContext, action: Promise<unknown>): Promise<TeesError> {
  return t.throwsAsync<TeesError>(action);
}

function pidOf({ path }: StorageProcess): number {
  const words = `\0${path.replace('/tees-1', '\0tees-1')}\0`;
  const found = readdirSync('/proc').find((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').endsWith(words);
    } catch {
      return false;
    }
  });
  return Number(found);
}

/** A tmpfs, with options of mount(8). */
function mounted(t: ExecutionContext, options: string): string {
  const directory = temporaryDirectory('shared-mount');
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tees-test', directory]);
  t.teardown(() => {
    execFileSync('umount', ['-l', directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

test('what is written is read back, from any place', async (t) => {
  const storage = start(t, shared(t));
  const bodies = [randomBytes(70_001), Buffer.alloc(0), randomBytes(13), randomBytes(262_144)];
  await storage.make();
  await storage.write(0, bodies.slice(0, 2));
  await storage.write(0, bodies.slice(2));
  await storage.finish(0);
  await storage.write(1, [bodies[2] as Buffer]);
  await storage.finish(1);
  const reader = start(t, storage.path.replace(/\/tees-1$/, ''));
  t.deepEqual(
    await reader.read(
      0,
      0,
      bodies.map(({ length }) => length),
    ),
    bodies,
  );
  t.deepEqual(await reader.read(0, 70_001, [13]), [bodies[2]]);
  t.deepEqual(await reader.read(1, 0, [13]), [bodies[2]]);
});

test('many reads are answered in the order asked', async (t) => {
  const storage = start(t, shared(t));
  const body = randomBytes(300_000);
  await storage.make();
  await storage.write(0, [body]);
  await storage.finish(0);
  const places = Array.from({ length: 50 }, (_, i) => i * 5_000);
  const read = await Promise.all(places.map((offset) => storage.read(0, offset, [1_000, 4_000])));
  read.forEach(([first, second], i) => {
    t.deepEqual(first, body.subarray(i * 5_000, i * 5_000 + 1_000));
    t.deepEqual(second, body.subarray(i * 5_000 + 1_000, (i + 1) * 5_000));
  });
});

asRoot(`files belong to the user, for nobody else, and are encrypted${because}`, async (t) => {
  const storage = start(t, shared(t));
  const body = Buffer.alloc(100_000, 'secret');
  await storage.make();
  await storage.write(3, [body]);
  await storage.finish(3);
  const [directory, file] = [statSync(storage.path), statSync(`${storage.path}/3`)];
  t.is(directory.mode & 0o7777, 0o700);
  t.is(file.mode & 0o7777, 0o600);
  t.deepEqual([directory.uid, directory.gid, file.uid, file.gid], [12345, 12346, 12345, 12346]);
  const bytes = readFileSync(`${storage.path}/3`);
  t.false(bytes.includes('secretsecret'));
  const counter = Buffer.from('00000000000000030000000000000000', 'hex');
  t.deepEqual(createDecipheriv('aes-256-ctr', key, counter).update(bytes), body);
});

asRoot(`what the user may not do is refused, although a daemon is root${because}`, async (t) => {
  const directory = shared(t);
  chmodSync(directory, 0o755);
  const error = await refused(t, start(t, directory).make());
  t.is(error.code, 'SHARED_STORAGE_FAILED');
  t.regex(error.message, /EACCES/);
  t.regex(error.hint ?? '', /1777/);
  mkdirSync(`${directory}/tees-1`, { mode: 0o700 });
  writeFileSync(`${directory}/tees-1/0`, 'of root');
  t.regex((await refused(t, start(t, directory).read(0, 0, [3]))).message, /EACCES/);
});

test('a directory that is not there, or in the way', async (t) => {
  const directory = shared(t);
  const missing = await refused(t, start(t, `${directory}/nowhere`).make());
  t.is(missing.code, 'SHARED_STORAGE_FAILED');
  t.is(missing.path, `${directory}/nowhere/tees-1`);
  t.regex(missing.hint ?? '', /mounted/);
  symlinkSync('/etc', `${directory}/tees-1`);
  t.regex((await refused(t, start(t, directory).make())).message, /EEXIST/);
  t.regex((await refused(t, start(t, directory).read(0, 0, [1]))).message, /ENOTDIR|ELOOP/);
});

test('a segment that is not there is not seen, and one that is too short is damaged', async (t) => {
  const storage = start(t, shared(t));
  t.is((await refused(t, storage.read(0, 0, [10]))).code, 'SHARED_STORAGE_UNSEEN');
  await storage.make();
  t.is((await refused(t, storage.read(0, 0, [10]))).code, 'SHARED_STORAGE_UNSEEN');
  await storage.write(0, [Buffer.alloc(5)]);
  await storage.finish(0);
  const short = await refused(t, storage.read(0, 0, [10]));
  t.is(short.code, 'SHARED_STORAGE_FAILED');
  t.regex(short.message, /shorter/);
  t.is(short.path, `${storage.path}/0`);
  t.is((await storage.read(0, 0, [5]))[0]?.length, 5, 'and goes on');
});

test('a pipe in the place of a segment holds up nobody', async (t) => {
  const storage = start(t, shared(t));
  await storage.make();
  execFileSync('mkfifo', [`${storage.path}/0`]);
  t.regex((await refused(t, storage.read(0, 0, [1]))).message, /EINVAL/);
});

asRoot(`a storage that is full, and one that is read-only${because}`, async (t) => {
  const full = start(t, mounted(t, 'mode=1777,size=1m'));
  await full.make();
  const error = await refused(
    t,
    (async () => {
      for (let i = 0; i < 8; i++) await full.write(0, [Buffer.alloc(262_144)]);
    })(),
  );
  t.is(error.code, 'SHARED_STORAGE_FULL');
  t.regex(error.hint ?? '', /Remove/);
  const readOnly = await refused(t, start(t, mounted(t, 'mode=1777,ro')).make());
  t.is(readOnly.code, 'SHARED_STORAGE_FAILED');
  t.regex(readOnly.hint ?? '', /read-only/);
});

test('a storage that does not answer fails after its deadline, and so does what comes later', async (t) => {
  const storage = start(t, shared(t), 300);
  await storage.make();
  process.kill(pidOf(storage), 'SIGSTOP');
  const [first, second] = [storage.write(0, [Buffer.alloc(10)]), storage.finish(0)];
  second.catch(() => {});
  const error = await refused(t, first);
  t.is(error.code, 'SHARED_STORAGE_FAILED');
  t.regex(error.message, /not answered for 0.3 s/);
  t.is(error.path, `${storage.path}/0`);
  t.is(await refused(t, second), error);
  t.is(await refused(t, storage.make()), error);
});

test('when its process is killed, what was asked of it fails', async (t) => {
  const storage = start(t, shared(t));
  await storage.make();
  process.kill(pidOf(storage), 'SIGKILL');
  t.regex((await refused(t, storage.finish(0))).message, /SIGKILL/);
});

test('what a killed login daemon has left is removed by the next one', async (t) => {
  const directory = shared(t);
  const notes = `${directory}/notes`;
  const log = { error: t.fail, warn: t.fail, info: () => {}, debug: () => {} };
  const storage = start(t, directory);
  new StorageRecords(notes, log).note({ directory, name: 'tees-1', user: USER });
  await storage.make();
  await storage.write(0, [Buffer.alloc(1000)]);
  storage.kill();
  // Of a job that was noted and no more.
  new StorageRecords(notes, log).note({ directory, name: 'tees-2', user: USER });
  await new StorageRecords(notes, log).removeLeftovers({ directory, deadlineMs: 10_000 });
  t.false(existsSync(storage.path));
  t.deepEqual(readdirSync(notes), []);
});
