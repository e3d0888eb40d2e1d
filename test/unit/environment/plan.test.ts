import test from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { TeesError } from '../../../src/base/errors.js';
import { launcherPath } from '../../../src/base/native.js';
import type { EnvironmentSpec, TaskSpec } from '../../../src/environment/environment.js';
import { encodePlan, planEnvironment } from '../../../src/environment/plan.js';

const ROOT = '/no/such/store/jobs/j1';
const ENVIRONMENT: EnvironmentSpec = {
  directories: {
    root: ROOT,
    names: `${ROOT}/names`,
    contents: `${ROOT}/contents`,
    incoming: `${ROOT}/incoming`,
    served: `${ROOT}/served`,
    upper: `${ROOT}/upper`,
    work: `${ROOT}/work`,
    stage: `${ROOT}/stage`,
  },
  layout: 'stacked',
  bind: ['/home', '/scratch'],
  allow: ['perf'],
  limits: { root: 'jobs.cn0', name: 'j1', processes: 64 },
  hidden: ['/run/tees'],
  identity: { uid: 1000, gid: 100, groups: [100, 7] },
};
const TASK: TaskSpec = { argv: ['prog', 'a b', ''], env: { A: '1', B: 'x=y' }, cwd: '/work' };

function stringsOf(name: string, environment = ENVIRONMENT, task = TASK): readonly string[] {
  return planEnvironment(environment, task).find((operation) => operation.name === name)?.strings ?? [];
}

test('the operations are in the order in which they must be executed', (t) => {
  t.deepEqual(
    planEnvironment(ENVIRONMENT, TASK).map(({ name }) => name),
    [
      'identity',
      'trace',
      'limits',
      'enter',
      'guard',
      'overlay',
      'hide',
      'exclude',
      'attach',
      'proc',
      'cover',
      'pivot',
      'environment',
      'filter',
      'directory',
      'run',
    ],
  );
});

test('the strings are what was asked for', (t) => {
  t.deepEqual(stringsOf('identity'), ['1000', '100', '100', '7']);
  t.deepEqual(stringsOf('attach'), ['/home', '/scratch']);
  t.deepEqual(stringsOf('hide'), [ROOT, '/run/tees']);
  t.deepEqual(stringsOf('filter'), ['perf']);
  t.deepEqual(stringsOf('limits'), ['jobs.cn0', 'j1', '', '64']);
  t.deepEqual(stringsOf('environment'), ['A=1', 'B=x=y']);
  t.deepEqual(stringsOf('run'), ['prog', 'a b', '']);
});

test('each layout has its lower layers', (t) => {
  t.regex(stringsOf('overlay')[1] ?? '', /^lowerdir=names:contents:served:\/,upperdir=upper,workdir=work,/);
  t.regex(
    stringsOf('overlay', { ...ENVIRONMENT, layout: 'data-only' })[1] ?? '',
    /^lowerdir=names:\/::contents::served,/,
  );
});

test('no path is part of the overlay options, so none needs escaping', (t) => {
  const root = '/odd,path:with\\all of it';
  const directories = Object.fromEntries(
    Object.entries(ENVIRONMENT.directories).map(([name, path]) => [
      name,
      (path as string).replace(ROOT, root),
    ]),
  ) as unknown as EnvironmentSpec['directories'];
  t.is(stringsOf('overlay', { ...ENVIRONMENT, directories })[1], stringsOf('overlay')[1]);
  t.deepEqual(stringsOf('enter', { ...ENVIRONMENT, directories }), [root]);
});

test('a relative working directory is nowhere in particular: the task starts in /', (t) => {
  t.deepEqual(stringsOf('directory', ENVIRONMENT, { ...TASK, cwd: 'somewhere' }), ['/']);
});

const REFUSED: readonly [
  title: string,
  environment: Partial<EnvironmentSpec>,
  task: Partial<TaskSpec>,
  code: string,
][] = [
  ['an empty command', {}, { argv: [] }, 'COMMAND_INVALID'],
  ['an empty program name', {}, { argv: [''] }, 'COMMAND_INVALID'],
  ['a NUL in an argument', {}, { argv: ['a', 'b\0c'] }, 'COMMAND_INVALID'],
  ['a NUL in the environment', {}, { env: { A: 'b\0c' } }, 'COMMAND_INVALID'],
  ['a variable with = in its name', {}, { env: { 'A=B': 'c' } }, 'COMMAND_INVALID'],
  ['a variable without a name', {}, { env: { '': 'c' } }, 'COMMAND_INVALID'],
  ['a NUL in the working directory', {}, { cwd: '/a\0' }, 'COMMAND_INVALID'],
  ['arguments beyond all measure', {}, { argv: ['a', 'x'.repeat(3_000_000)] }, 'COMMAND_TOO_LONG'],
  ['a user that is no number', { identity: { uid: 1.5, gid: 1, groups: [] } }, {}, 'IDENTITY_INVALID'],
  [
    'a user that means "unchanged"',
    { identity: { uid: 2 ** 32 - 1, gid: 1, groups: [] } },
    {},
    'IDENTITY_INVALID',
  ],
  ['a group below zero', { identity: { uid: 1, gid: 1, groups: [-1] } }, {}, 'IDENTITY_INVALID'],
  ['an unknown layout', { layout: 'flat' as 'stacked' }, {}, 'LAYOUT_UNKNOWN'],
];

for (const [title, environment, task, code] of REFUSED) {
  test(`refused: ${title}`, (t) => {
    const error = t.throws(() => planEnvironment({ ...ENVIRONMENT, ...environment }, { ...TASK, ...task }), {
      instanceOf: TeesError,
    });
    t.is(error?.code, code);
  });
}

test('an unknown layout is refused with a sentence that lists the known ones', (t) => {
  const error = t.throws(() => planEnvironment({ ...ENVIRONMENT, layout: 'flat' as 'stacked' }, TASK), {
    instanceOf: TeesError,
  });
  t.regex(error?.hint ?? '', /stacked, data-only/);
});

/** What the launcher answers to these bytes on its descriptor 3, and how it ends. */
async function answer(bytes: Buffer): Promise<{ status: number | null; said: string }> {
  const launcher = spawn(launcherPath(), [], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  const control = launcher.stdio[3] as Duplex;
  let said = '';
  control.on('data', (part: Buffer) => (said += part.toString('latin1')));
  control.on('error', () => {});
  control.end(bytes);
  const [status] = (await once(launcher, 'close')) as [number | null];
  return { status, said };
}

const VALID = encodePlan(planEnvironment(ENVIRONMENT, TASK));

test('the launcher refuses a plan that is cut short', async (t) => {
  for (const length of [0, 3, 4, 8, 9, 40, VALID.length - 1]) {
    const { status, said } = await answer(VALID.subarray(0, length));
    t.is(status, 125, `${length}`);
    t.regex(said, /^E.*read the plan/s, `${length}`);
  }
});

test('the launcher refuses sizes beyond all measure before it allocates', async (t) => {
  const huge = Buffer.from(VALID);
  huge.writeUInt32LE(0xffffffff, 0);
  t.is((await answer(huge)).status, 125);
  const strings = Buffer.from(VALID);
  strings.writeUInt32LE(0xffffffff, 9);
  t.is((await answer(strings)).status, 125);
});

test('the launcher survives a damaged plan', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(VALID.length - 1), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 3,
      }),
      async (flips) => {
        const plan = Buffer.from(VALID);
        for (const [at, mask] of flips) plan[at]! ^= mask;
        // Its directories do not exist: whatever it makes of it, it cannot get as far as the task.
        const { status } = await answer(plan);
        t.true(status === 125 || status === 137, `${status}`);
      },
    ),
    { numRuns: 60 },
  );
});
