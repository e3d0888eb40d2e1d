/** Starting a task: who it is, what it gets, how it ends, and how starting it fails. */
import { TeesError } from '../../../src/base/errors.js';
import { removeDirectories } from '../../../src/environment/directories.js';
import { directory, file } from '../../support/manifest-parts.js';
import { USER, finish, makeJob, rootTest, runTask, startLongTask, startTask } from './fixture.js';
import type { TaskOptions } from './fixture.js';

rootTest('the task is the user, with the groups given and no others', async (t) => {
  const { stdout } = await runTask(await makeJob(t), ['id']);
  t.is(stdout, `uid=${USER} gid=${USER} groups=${USER},${USER + 1}\n`);
});

rootTest('the task has no capability, cannot get one, and inherits no signal setting', async (t) => {
  const { stdout } = await runTask(await makeJob(t), [
    'grep',
    '-E',
    '^(Cap|NoNewPrivs|Sig[BI])',
    '/proc/self/status',
  ]);
  const zero = '0000000000000000';
  const names = ['SigBlk', 'SigIgn', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];
  t.is(stdout, names.map((name) => `${name}:\t${zero}\n`).join('') + 'NoNewPrivs:\t1\n');
});

rootTest('the task inherits no descriptor but the three standard ones', async (t) => {
  // The shell's own, with which it lists them, is gone by the time it is looked at.
  const script = 'set -- /proc/$$/fd/*; for fd; do readlink "$fd"; done';
  const { stdout } = await runTask(await makeJob(t), ['sh', '-c', script]);
  t.regex(stdout, /^(pipe:\[\d+\]\n){3}$/);
});

rootTest('the environment of the task is what was given and nothing else', async (t) => {
  const env = { PATH: '/bin', GREETING: 'ünïcode = fine', EMPTY: '' };
  const { stdout } = await runTask(await makeJob(t), ['env'], { env });
  t.deepEqual(stdout.trimEnd().split('\n').sort(), ['EMPTY=', 'GREETING=ünïcode = fine', 'PATH=/bin']);
});

rootTest('the file mode mask and the out-of-memory score are the usual ones', async (t) => {
  const { stdout } = await runTask(await makeJob(t), ['sh', '-c', 'umask; cat /proc/self/oom_score_adj']);
  t.is(stdout, '0022\n0\n');
});

for (const [command, status] of [
  [['true'], 0],
  [['sh', '-c', 'exit 3'], 3],
  [['sh', '-c', 'exit 127'], 127],
  [['sh', '-c', 'exit 255'], 255],
  [['sh', '-c', 'kill -TERM $$'], 128 + 15],
  [['sh', '-c', 'kill -KILL $$'], 128 + 9],
] as const) {
  rootTest(`${command.join(' ')} ends with status ${status}`, async (t) => {
    t.is((await runTask(await makeJob(t), command)).status, status);
  });
}

rootTest('standard input reaches the task whole, and its output the caller', async (t) => {
  const input = 'line of text\n'.repeat(200_000);
  const { stdout, status } = await finish(await startTask(await makeJob(t), ['cat']), input);
  t.is(stdout.length, input.length);
  t.true(stdout === input);
  t.is(status, 0);
});

rootTest('a task that does not read its input hurts nobody', async (t) => {
  const task = await startTask(await makeJob(t), ['true']);
  t.is((await finish(task, 'x'.repeat(1_000_000))).status, 0);
});

rootTest('output written just before the end is not lost, on either stream', async (t) => {
  const script = 'head -c 300000 /dev/zero | tr "\\0" o; head -c 300000 /dev/zero | tr "\\0" e >&2; exit 7';
  const { stdout, stderr, status } = await runTask(await makeJob(t), ['sh', '-c', script]);
  t.deepEqual([stdout.length, stderr.length, status], [300_000, 300_000, 7]);
});

rootTest('the standard streams can be opened by name', async (t) => {
  const script = 'echo out >/proc/self/fd/1; echo err >/proc/self/fd/2; cat /proc/self/fd/0';
  const task = await startTask(await makeJob(t), ['sh', '-c', script]);
  const { stdout, stderr } = await finish(task, 'in');
  t.deepEqual([stdout, stderr], ['out\nin', 'err\n']);
});

rootTest('a signal reaches the whole process group of the task', async (t) => {
  const script =
    'trap "echo parent" USR1; (trap "echo child; exit" USR1; echo ready; sleep 600 & wait); wait; exit 5';
  const task = await startTask(await makeJob(t), ['sh', '-c', script]);
  task.stdout.once('data', () => task.signal('SIGUSR1'));
  const { stdout, status } = await finish(task);
  t.deepEqual(stdout.trimEnd().split('\n').sort(), ['child', 'parent', 'ready']);
  t.is(status, 5);
});

rootTest('a signal that cannot be caught is passed on too', async (t) => {
  const { task } = await startLongTask(t, await makeJob(t));
  task.signal('SIGKILL');
  t.is((await task.exit).status, 128 + 9);
});

rootTest('the task starts in its working directory', async (t) => {
  const job = await makeJob(t, directory('some'), directory('some/where'));
  t.is((await runTask(job, ['pwd'], { cwd: '/some/where' })).stdout, '/some/where\n');
});

rootTest('without its working directory the task starts in /, with a warning', async (t) => {
  const { stdout, stderr } = await runTask(await makeJob(t), ['pwd'], { cwd: '/no/such/place' });
  t.is(stdout, '/\n');
  t.is(stderr, 'tees: cannot enter /no/such/place: No such file or directory; starting in /\n');
});

rootTest('a program is found along the PATH of the task, inside the layer', async (t) => {
  const job = await makeJob(
    t,
    directory('tools'),
    plainFile('tools/mine'),
    directory('tools2'),
    executableFile('tools2/mine', '#!/bin/sh\necho "$0 $1"\n'),
  );
  const { stdout } = await runTask(job, ['mine', 'x y'], { env: { PATH: '/no:/tools:/tools2:/bin' } });
  t.is(stdout, '/tools2/mine x y\n');
});

rootTest('many arguments of any text arrive as they were', async (t) => {
  const argv = [
    'printf',
    '%s|',
    '',
    ' ',
    'ü',
    "'",
    '\\',
    '\n',
    ...Array.from({ length: 5_000 }, (_, i) => `${i}`),
  ];
  const { stdout } = await runTask(await makeJob(t), argv);
  t.is(stdout, argv.slice(2).join('|') + '|');
});

const FAILURES: readonly [
  title: string,
  argv: string[],
  code: string,
  path: string,
  options?: TaskOptions,
][] = [
  ['a name that is nowhere on the PATH', ['no-such-program'], 'COMMAND_NOT_FOUND', 'no-such-program'],
  ['a path that does not exist', ['/no/such/program'], 'COMMAND_NOT_FOUND', '/no/such/program'],
  ['a path through a file', ['/plain/program'], 'COMMAND_NOT_FOUND', '/plain/program'],
  ['a file without the permission to execute', ['/plain'], 'COMMAND_NOT_EXECUTABLE', '/plain'],
  [
    'such a file found on the PATH',
    ['plain'],
    'COMMAND_NOT_EXECUTABLE',
    '//plain',
    { env: { PATH: '/bin:/' } },
  ],
  ['a directory', ['/usr'], 'COMMAND_NOT_EXECUTABLE', '/usr'],
  ['a file that is no program', ['/text'], 'COMMAND_NOT_EXECUTABLE', '/text'],
  ['a script without its interpreter', ['/script'], 'COMMAND_NOT_EXECUTABLE', '/script'],
  ['a whiteout where the node has the program', ['/bin/sh'], 'COMMAND_NOT_FOUND', '/bin/sh'],
];

for (const [title, argv, code, path, options] of FAILURES) {
  rootTest(`not started: ${title}`, async (t) => {
    const job = await makeJob(
      t,
      directory(''),
      plainFile('plain'),
      executableFile('text', 'no program\n'),
      executableFile('script', '#!/no/such/interpreter\n'),
      ...(argv[0] === '/bin/sh' ? [hidden('usr'), hidden('bin')] : []),
    );
    const error = await t.throwsAsync(startTask(job, argv, options), { instanceOf: TeesError });
    t.deepEqual([error?.code, error?.path], [code, path]);
    t.truthy(error?.hint);
  });
}

rootTest('not started: the layers are not there; the error says what was tried', async (t) => {
  const job = await makeJob(t);
  await removeDirectories(job.directories);
  const error = await t.throwsAsync(startTask(job, ['true']), { instanceOf: TeesError });
  t.is(error?.code, 'ENVIRONMENT_FAILED');
  t.is(error?.path, job.directories.root);
  t.regex(error?.message ?? '', /enter the job's directory.*ENOENT/);
});

rootTest('a launch that is given up fails, and leaves nothing', async (t) => {
  const { launch } = await import('../../../src/environment/launch.js');
  const { directories } = await makeJob(t);
  const environment = {
    directories,
    layout: 'stacked',
    bind: [],
    allow: [],
    limits: { root: 'tees-tests', name: 'job' },
    identity: { uid: USER, gid: USER, groups: [] },
  } as const;
  const abort = AbortSignal.abort();
  const task = launch(environment, { argv: ['sleep', '600'], env: { PATH: '/bin' }, cwd: '/' }, { abort });
  const error = await t.throwsAsync(task, { instanceOf: TeesError });
  t.is(error?.code, 'ENVIRONMENT_FAILED');
});

function executableFile(path: string, text: string): ReturnType<typeof file> {
  const part = file(path, text);
  return { ...part, entry: { ...part.entry, mode: 0o755 } };
}

function hidden(path: string): ReturnType<typeof file> {
  const part = file(path);
  return { ...part, entry: { ...part.entry, type: 'whiteout' } };
}

function plainFile(path: string): ReturnType<typeof file> {
  const part = file(path, 'plain');
  return { ...part, entry: { ...part.entry, mode: 0o644 } };
}
