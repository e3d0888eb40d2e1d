/** A task outlives the daemon that has launched it: the next one finds it as it was left. */
import type { ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TeesError } from '../../../src/base/errors.js';
import { removeDirectories } from '../../../src/environment/directories.js';
import type { RunningTask } from '../../../src/environment/environment.js';
import { adopt, wasLaunched } from '../../../src/environment/launch.js';
import { supportScript } from '../../support/dummies.js';
import { USER, finish, launcherOf, makeJob, rootTest, startLongTask, startTask } from './fixture.js';
import type { Job } from './fixture.js';

/** Launches the script by a daemon of its own, which is killed as soon as `until` has come out of it. */
async function orphaned(job: Job, script: string, take = 0, until = 'running\n'): Promise<string> {
  const environment = {
    directories: job.directories,
    layout: 'stacked',
    bind: [],
    allow: [],
    limits: { root: 'tees-tests', name: 'job' },
    hidden: [job.store],
    identity: { uid: USER, gid: USER, groups: [] },
  };
  const task = { argv: ['sh', '-c', script], env: { PATH: '/usr/bin:/bin' }, cwd: '/' };
  const argv = [supportScript('daemon-with-task'), JSON.stringify({ environment, task, take })];
  const daemon = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const text of daemon.stdout.setEncoding('utf8') as AsyncIterable<string>) {
    said += text;
    if (said.includes('running\n') && said.includes(until)) daemon.kill('SIGKILL');
  }
  if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit');
  return said.replace('running\n', '');
}

async function adopted(t: ExecutionContext, job: Job): Promise<RunningTask> {
  const task = await adopt(job.directories, 'sh');
  if (!task) throw new Error('there is no task');
  t.teardown(async () => {
    task.kill();
    await task.exit;
  });
  return task;
}

rootTest('a task whose daemon was killed goes on, and its exit status comes back', async (t) => {
  const job = await makeJob(t);
  await orphaned(job, 'read line; read more; echo "$line $more"; exit 7');
  const task = await adopted(t, job);
  t.is(task.inputFrom, 'first\n'.length);
  t.like(await finish(task, 'second\n'), { status: 7, stdout: 'first second\n' });
});

rootTest('a task that has ended while no daemon was there: output and status have waited', async (t) => {
  const job = await makeJob(t);
  await orphaned(job, 'echo out; echo err >&2; exit 3');
  await delay(300);
  t.like(await finish(await adopted(t, job)), { status: 3, stdout: 'out\n', stderr: 'err\n' });
});

rootTest('output is neither lost nor doubled where a daemon has taken and the next goes on', async (t) => {
  const job = await makeJob(t);
  const script = 'i=0; while [ $i -lt 60000 ]; do echo "line $i"; i=$((i+1)); done';
  const before = await orphaned(job, script, 100_000, 'line 9000\n');
  const task = await adopted(t, job);
  const { stdout, status } = await finish(task);
  const expected = Array.from({ length: 60_000 }, (_, i) => `line ${i}\n`).join('');
  // What the killed daemon has passed on may be more than what it could still acknowledge.
  t.true(task.outputFrom.stdout <= before.length);
  t.true(before.slice(0, task.outputFrom.stdout) + stdout === expected);
  t.is(status, 0);
});

rootTest('a task whose output nobody takes waits, and does not end', async (t) => {
  const job = await makeJob(t);
  await orphaned(job, 'head -c 1000000 /dev/zero | tr "\\0" x; echo; echo end');
  await delay(300);
  const task = await adopted(t, job);
  t.is((await finish(task)).stdout.length, 1_000_000 + '\nend\n'.length);
});

rootTest('signals and kill reach a task that another daemon has started', async (t) => {
  const job = await makeJob(t);
  await orphaned(job, 'trap "echo got it; exit 9" USR1; while :; do sleep 0.05; done');
  const task = await adopted(t, job);
  t.false(task.isEnding());
  task.signal('SIGUSR1');
  t.like(await finish(task), { status: 9, stdout: 'got it\n' });
  t.true(task.isEnding());
});

rootTest('the newest daemon is the one that is heard', async (t) => {
  const job = await makeJob(t);
  const { task: first } = await startLongTask(t, job, ['sh', '-c', 'read line; exit 5']);
  const second = await adopted(t, job);
  second.stdin.end('\n');
  t.is((await second.exit).status, 5);
  second.release();
  t.is((await first.exit).status, 5, 'known from the process alone');
});

rootTest('whoever says what is no frame, or takes what was not sent, is hung up on', async (t) => {
  const job = await makeJob(t);
  await startLongTask(t, job, ['sh', '-c', 'read line; exit 5']);
  const socket = join(job.directories.root, 'launch.sock');
  for (const bytes of [
    'Zxxxxxxx',
    'S\0\0\0\0',
    'I\xff\xff\xff\xff',
    'a\x05\0\0\0\x01\xff\0\0\0',
    'T\0\0\0\0',
  ]) {
    const connection = createConnection(socket);
    connection.on('error', () => {}).resume();
    connection.write(Buffer.from(bytes, 'latin1'));
    await once(connection, 'close');
  }
  const after = await adopted(t, job);
  t.like(await finish(after, '\n'), { status: 5 });
});

rootTest('without a daemon and without its directory a task ends', async (t) => {
  const job = await makeJob(t);
  const { remains, pid } = await startLongTask(t, job);
  t.true(launcherOf(pid) > 1);
  const task = await adopted(t, job);
  task.release(); // hangs up; there is no status that it could have taken
  await removeDirectories(job.directories);
  for (let i = 0; i < 100 && remains().length > 0; i++) await delay(50);
  t.deepEqual(remains(), []);
});

rootTest('where none was launched, none is found', async (t) => {
  const { directories } = await makeJob(t);
  t.is(await adopt(directories, 'sh'), undefined);
  t.false(wasLaunched(directories));
});

rootTest(
  'a task whose launcher was killed is known to have been launched, and not launched again',
  async (t) => {
    const job = await makeJob(t);
    const { task, pid } = await startLongTask(t, job);
    process.kill(launcherOf(pid), 'SIGKILL');
    await task.exit;
    t.is(await adopt(job.directories, 'sh'), undefined);
    t.true(wasLaunched(job.directories));
    writeFileSync(join(job.directories.root, 'kept'), '');
    const { launch } = await import('../../../src/environment/launch.js');
    const environment = {
      directories: job.directories,
      layout: 'stacked',
      bind: [],
      allow: [],
      limits: { root: 'tees-tests', name: 'job' },
      identity: { uid: USER, gid: USER, groups: [] },
    } as const;
    const again = launch(environment, { argv: ['true'], env: {}, cwd: '/' });
    const error = await t.throwsAsync(again, { instanceOf: TeesError });
    t.regex(error?.message ?? '', /launch a second time/);
  },
);

rootTest('a program that could not be executed is not tried again', async (t) => {
  const job = await makeJob(t);
  const error = await t.throwsAsync(startTask(job, ['/no/such/program']), { instanceOf: TeesError });
  t.is(error?.code, 'COMMAND_NOT_FOUND');
  t.true(wasLaunched(job.directories));
});
