/** What a layer and a task cannot do to the node. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { native } from '../../../src/base/native.js';
import { directory, entry, file, symlink } from '../../support/manifest-parts.js';
import type { Part } from '../../support/manifest-parts.js';
import { USER, makeJob, makeNodeDirectory, makeStore, rootTest, runTask, startLongTask } from './fixture.js';

/** The node's own `id`, as a file of the layer with this mode. */
function idProgram(path: string, mode: number): Part {
  const part = file(path, readFileSync('/usr/bin/id'));
  return { ...part, entry: { ...part.entry, mode } };
}

/** An entry for each directory on the way, so that the layer may hold the last. */
function directoriesTo(path: string, last: Partial<Part['entry']> = {}): Part[] {
  const names = relative('/', path).split('/');
  return names.map((_, i) => directory(names.slice(0, i + 1).join('/'), i === names.length - 1 ? last : {}));
}

rootTest('a set-user-ID program of the layer gives nothing', async (t) => {
  const job = await makeJob(t, idProgram('setuid-id', 0o6755));
  t.regex((await runTask(job, ['/setuid-id', '-u'])).stdout, new RegExp(`^${USER}\n$`));
  t.regex((await runTask(job, ['/setuid-id', '-g'])).stdout, new RegExp(`^${USER}\n$`));
});

rootTest("the node's set-user-ID programs give nothing either", async (t) => {
  const node = makeNodeDirectory(t);
  if (node === undefined) {
    t.log('skipped: every writable directory is on another file system than /');
    t.pass();
    return;
  }
  chmodSync(node, 0o755);
  copyFileSync('/usr/bin/id', join(node, 'id'));
  chmodSync(join(node, 'id'), 0o4755);
  t.is((await runTask(await makeJob(t), [join(node, 'id'), '-u'])).stdout, `${USER}\n`);
});

rootTest('file capabilities of the layer give nothing', async (t) => {
  const program = file('grep', readFileSync('/usr/bin/grep'));
  const job = await makeJob(t, program);
  // VFS_CAP_REVISION_2, effective; CAP_DAC_OVERRIDE and CAP_SYS_ADMIN among all that there are.
  const capabilities = Buffer.alloc(20, 0xff);
  capabilities.writeUInt32LE(0x02000001, 0);
  native().setXattr(
    Buffer.from(join(job.directories.names, 'grep')),
    Buffer.from('security.capability'),
    capabilities,
  );
  const { stdout } = await runTask(job, ['/grep', 'CapEff', '/proc/self/status']);
  t.is(stdout, 'CapEff:\t0000000000000000\n');
});

rootTest('a device node, had one come in, cannot be used', async (t) => {
  const job = await makeJob(t, directory('devices'));
  execFileSync('mknod', ['-m', '0666', join(job.directories.names, 'devices', 'zero'), 'c', '1', '5']);
  const { stderr, status } = await runTask(job, ['head', '-c', '1', '/devices/zero']);
  t.regex(stderr, /Permission denied/);
  t.is(status, 1);
});

rootTest("the node's own devices work", async (t) => {
  const { status } = await runTask(await makeJob(t), ['sh', '-c', 'head -c 1 /dev/zero >/dev/null']);
  t.is(status, 0);
});

rootTest('/proc shows the processes of the environment only, the task not among the first', async (t) => {
  const { stdout } = await runTask(await makeJob(t), ['sh', '-c', 'echo /proc/[0-9]*']);
  t.is(stdout, '/proc/1 /proc/2\n');
});

rootTest('PID 1 cannot be signalled or examined by the task', async (t) => {
  const script = 'kill -9 1; ls -l /proc/1/root/ /proc/1/fd; echo still here';
  const { stdout, stderr, status } = await runTask(await makeJob(t), ['sh', '-c', script]);
  t.is(stdout, 'still here\n');
  t.is(stderr.match(/(not permitted|denied)/g)?.length, 3, stderr);
  t.is(status, 0);
});

rootTest('PID 1 keeps no capability but the one to signal', async (t) => {
  const { root } = await startLongTask(t, await makeJob(t));
  const status = readFileSync(join(root, 'proc/1/status'), 'utf8');
  t.regex(status, /^CapEff:\t0000000000000020$/m);
});

rootTest("the job's own directory, the store's and the daemon's are covered", async (t) => {
  const job = await makeJob(t);
  const runtime = mkdtempSync(join(tmpdir(), 'tees-runtime-'));
  t.teardown(() => rmSync(runtime, { recursive: true }));
  chmodSync(runtime, 0o777);
  const server = createServer().listen(join(runtime, 'socket'));
  t.teardown(() => void server.close());
  const { root } = await startLongTask(t, job, ['sleep', '600'], {
    environment: { hidden: [job.store, runtime] },
  });
  for (const path of [job.store, runtime]) {
    const inside = statSync(join(root, path));
    t.is(inside.mode & 0o7777, 0, path);
    t.deepEqual(execFileSync('ls', ['-A', join(root, path)], { encoding: 'utf8' }), '', path);
  }
  t.false(existsSync(join(root, runtime, 'socket')));
});

rootTest('mounts of the store do not come in, nor do those of other jobs', async (t) => {
  const job = await makeJob(t);
  const other = join(job.store, 'jobs', 'other');
  mkdirSync(other);
  execFileSync('mount', ['-t', 'tmpfs', 'tees-other-job', other]);
  const { stdout } = await runTask(job, ['cat', '/proc/self/mountinfo'], { environment: { hidden: [] } });
  t.false(stdout.includes('tees-other-job'));
  t.false(stdout.includes(job.directories.root.slice(0, -1) + ' / '));
  t.true(stdout.includes(' /sys '));
});

rootTest('a layer cannot lay open a directory that the node keeps from the user', async (t) => {
  const node = makeNodeDirectory(t);
  if (node === undefined) {
    t.log('skipped: every writable directory is on another file system than /');
    t.pass();
    return;
  }
  chmodSync(node, 0o755);
  mkdirSync(join(node, 'private'), { mode: 0o700 });
  mkdirSync(join(node, 'public'), { mode: 0o755 });
  for (const name of ['private', 'public']) writeFileSync(join(node, name, 'of-the-node'), 'secret');
  const job = await makeJob(
    t,
    ...directoriesTo(join(node, 'private'), { mode: 0o755 }),
    entry(relative('/', join(node, 'private/whiteout')), 'whiteout'),
    file(relative('/', join(node, 'private/of-the-layer')), 'mine'),
    directory(relative('/', join(node, 'public'))),
  );
  const { stdout, notes } = await runTask(job, ['ls', join(node, 'private'), join(node, 'public')]);
  t.is(stdout, `${node}/private:\nof-the-layer\n\n${node}/public:\nof-the-node\n`);
  t.deepEqual(notes, [`${node}/private is not shown in the environment: EACCES`]);
});

rootTest("what the administrator binds is the node's own, and writable", async (t) => {
  const store = makeStore(t);
  chmodSync(store, 0o755);
  const shared = join(store, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  const node = makeNodeDirectory(t) ?? shared;
  chmodSync(node, 0o777);
  const { status } = await runTask(
    await makeJob(t),
    ['touch', join(node, 'written'), join(shared, 'written')],
    {
      environment: { bind: [node, shared] },
    },
  );
  t.is(status, 0);
  t.true(existsSync(join(node, 'written')));
  t.true(existsSync(join(shared, 'written')));
});

rootTest('a path to bind that does not exist is left out, with a note', async (t) => {
  const job = await makeJob(t);
  const { status, notes } = await runTask(job, ['true'], { environment: { bind: ['/no/such/share'] } });
  t.is(status, 0);
  t.deepEqual(notes, ['/no/such/share is not shown in the environment: ENOENT']);
});

rootTest('a symbolic link of the layer does not lead the mounts of the node elsewhere', async (t) => {
  const job = await makeJob(
    t,
    directory('elsewhere'),
    entry('sys', 'symlink', symlink('sys', 'elsewhere').entry),
  );
  const { stdout, notes } = await runTask(job, ['ls', '-A', '/elsewhere']);
  t.is(stdout, '');
  t.true(notes.includes('/sys is not shown in the environment: ELOOP'), notes.join());
});

rootTest("nothing of the environment is mounted in the daemon's own namespace", async (t) => {
  const job = await makeJob(t);
  const before = readFileSync('/proc/self/mountinfo', 'utf8');
  const { remains } = await startLongTask(t, job);
  t.true(remains().length > 1);
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(basename(job.directories.root)), before);
});
