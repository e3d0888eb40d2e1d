/** However an environment ends, nothing of it is left: no process, no mount, no file. */
import test from 'ava';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TeesError } from '../../../src/base/errors.js';
import { prepareDirectories, removeDirectories } from '../../../src/environment/directories.js';
import { launcherOf, makeJob, makeStore, parentOf, rootTest, startLongTask } from './fixture.js';

/** Leaves processes that no signal of a polite kind ends, in groups and sessions of their own. */
const STUBBORN = [
  'sh',
  '-c',
  'trap "" TERM INT HUP; setsid sh -c "trap \\"\\" TERM INT HUP; sleep 600; sleep 600" & setsid -f sleep 600; wait; sleep 600',
];

/** The kernel ends the environment's processes on its own; how soon is its own affair. */
async function gone(remains: () => string[]): Promise<string[]> {
  const deadline = performance.now() + 20_000;
  while (remains().length > 0 && performance.now() < deadline) await delay(20);
  return remains();
}

rootTest('kill ends everything, and exit tells when it has gone', async (t) => {
  const { task, remains } = await startLongTask(t, await makeJob(t), STUBBORN);
  t.true(remains().length > 2);
  task.kill();
  t.is((await task.exit).status, 128 + 9);
  t.deepEqual(remains(), []);
});

rootTest('what the task has left in the background ends with it', async (t) => {
  const { task, remains } = await startLongTask(t, await makeJob(t), [
    'sh',
    '-c',
    'setsid -f sleep 600; setsid -f sh -c "trap \\"\\" TERM; sleep 600"; read line; exit 4',
  ]);
  task.stdin.end('\n');
  t.is((await task.exit).status, 4);
  t.deepEqual(remains(), []);
});

rootTest('kill is harmless after the end, and so is a signal', async (t) => {
  const { task } = await startLongTask(t, await makeJob(t));
  task.kill();
  await task.exit;
  t.notThrows(() => task.kill());
  t.notThrows(() => task.signal('SIGTERM'));
});

rootTest('kill ends a task whose output nobody takes', async (t) => {
  const { task, remains } = await startLongTask(t, await makeJob(t), ['cat', '/dev/zero']);
  await delay(100);
  task.kill();
  await task.exit;
  t.deepEqual(remains(), []);
});

rootTest('SIGKILL of the launcher leaves nothing', async (t) => {
  const { task, pid, remains } = await startLongTask(t, await makeJob(t), STUBBORN);
  process.kill(launcherOf(pid), 'SIGKILL');
  t.is((await task.exit).status, 128 + 9);
  t.deepEqual(await gone(remains), []);
});

rootTest('SIGKILL of PID 1 leaves nothing', async (t) => {
  const { task, pid, remains } = await startLongTask(t, await makeJob(t), STUBBORN);
  process.kill(parentOf(pid), 'SIGKILL');
  t.is((await task.exit).status, 128 + 9);
  t.deepEqual(remains(), []);
});

test('the directories of a job are made, and removed with all that is in them', async (t) => {
  const store = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  t.teardown(() => void execFileSync('rm', ['-rf', '--', store]));
  const directories = await prepareDirectories(join(store, 'jobs', 'one'));
  t.deepEqual(readdirSync(directories.root).sort(), [
    'contents',
    'incoming',
    'names',
    'served',
    'stage',
    'upper',
    'work',
  ]);
  mkdirSync(join(directories.upper, 'a/b/c'), { recursive: true });
  writeFileSync(join(directories.upper, 'a/b/c/file'), '');
  writeFileSync(Buffer.concat([Buffer.from(join(directories.upper, 'a/')), Buffer.from([0xff, 0x0a])]), '');
  await removeDirectories(directories);
  t.deepEqual(readdirSync(join(store, 'jobs')), []);
  await t.notThrowsAsync(removeDirectories(directories));
});

test('the directories of a job cannot be made twice', async (t) => {
  const store = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  t.teardown(() => void execFileSync('rm', ['-rf', '--', store]));
  await prepareDirectories(join(store, 'one'));
  const error = await t.throwsAsync(prepareDirectories(join(store, 'one')), { instanceOf: TeesError });
  t.is(error?.code, 'JOB_EXISTS');
});

test('removing follows no symbolic link', async (t) => {
  const store = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  t.teardown(() => void execFileSync('rm', ['-rf', '--', store]));
  mkdirSync(join(store, 'outside'));
  writeFileSync(join(store, 'outside', 'kept'), '');
  const directories = await prepareDirectories(join(store, 'one'));
  symlinkSync(join(store, 'outside'), join(directories.upper, 'link'));
  await removeDirectories(directories);
  t.true(existsSync(join(store, 'outside', 'kept')));
});

rootTest('removing detaches what a hook has left mounted, and touches nothing in it', async (t) => {
  const store = makeStore(t);
  const directories = await prepareDirectories(join(store, 'one'));
  const kept = join(store, 'kept');
  mkdirSync(kept);
  writeFileSync(join(kept, 'file'), '');
  // Twice: a second mount lies over the first.
  for (let i = 0; i < 2; i++) execFileSync('mount', ['--bind', kept, directories.served]);
  await removeDirectories(directories);
  t.false(existsSync(directories.root));
  t.deepEqual(readdirSync(kept), ['file']);
});

rootTest('removing stops at a mount of somebody else', async (t) => {
  const store = makeStore(t);
  const directories = await prepareDirectories(join(store, 'one'));
  const kept = join(store, 'kept');
  mkdirSync(kept);
  writeFileSync(join(kept, 'file'), '');
  execFileSync('mount', ['--bind', kept, directories.incoming]);
  const error = await t.throwsAsync(removeDirectories(directories), { instanceOf: TeesError });
  t.is(error?.code, 'STORE_BUSY');
  t.is(error?.path, directories.incoming);
  t.deepEqual(readdirSync(kept), ['file']);
});
