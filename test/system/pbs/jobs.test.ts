/** Tasks of PBS jobs come into their environments by the hook, which is asked as pbs_mom asks it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { taskPath } from '../../../src/base/native.js';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import { StateDirectory } from '../../../src/emulator/state-directory.js';
import { enter, personOf, runAs } from '../../support/environments.js';
import type { Outcome, Person } from '../../support/environments.js';
import { PbsSite, running } from '../../support/pbs/site.js';
import { doorOf } from '../../support/slurm.js';
import { eventually, withoutCluster } from '../../support/tees.js';

interface Context {
  scratch: string;
  site: PbsSite;
  cluster: EmbeddedCluster;
}

const test = anyTest as TestFn<Context>;
const maybe = withoutCluster ? test.serial.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';
/** Accounts that no other test uses. */
const [USER, OTHER] = ['slurm', 'munge'].map(personOf) as [Person, Person];
const JOB = '7.login';

test.before(async (t) => {
  if (withoutCluster) return;
  const scratch = await mkdtemp(join(tmpdir(), 'tees-pbs-'));
  const site = new PbsSite(scratch);
  t.context = { scratch, site } as Context;
  await site.install();
  const settings = { resourceManager: 'pbs' };
  const cluster = await startCluster({ groups: 2, groupSize: 2, environments: true, settings });
  t.context = { scratch, site, cluster };
  site.know({ [JOB]: running(USER, ['cn0', 'cn1']) });
  const made = await enter(
    cluster,
    USER,
    `echo mine >/opt/mark; printf '#!/bin/sh\\necho "$(hostname) $(cat /opt/mark) $(id -u) $*"\\n' >/usr/bin/tell; chmod 755 /usr/bin/tell`,
  );
  t.is(made.status, 0, made.stderr);
});

test.after.always(async (t) => {
  delete process.env['PBS_CONF_FILE'];
  await t.context.cluster?.down();
  if (t.context.scratch) await rm(t.context.scratch, { recursive: true, force: true });
});

/** A job's script: the user's login shell reads its path. */
function script(t: { context: Context }, text: string): string {
  const path = join(t.context.scratch, 'job.sh');
  writeFileSync(path, text, { mode: 0o755 });
  return `${path}\n`;
}

const ofJob = { job: JOB, tees: 'default', person: USER };
const shell = { ...ofJob, program: '/bin/bash', argv: ['-bash'] };

maybe(
  `a job’s script runs in its environment, with its own variables, and nobody special${because}`,
  async (t) => {
    const { site, cluster } = t.context;
    const text =
      '#!/bin/bash\ntell script\necho $LD_LIBRARY_PATH $TMPDIR $PBS_JOBID\ngrep -E "NoNewPrivs|CapPrm|CapBnd|Seccomp:" /proc/self/status\n';
    const env = { LD_LIBRARY_PATH: '/opt/lib', TMPDIR: '/tmp/mine\\,yours' };
    const done = await site.launch(cluster, 'cn0', { ...shell, env, input: script(t, text) });
    t.is(done.status, 0, done.stderr);
    const [said, variables, ...status] = done.stdout.trim().split('\n');
    t.is(said, `cn0 mine ${USER.uid} script`);
    t.is(variables, `/opt/lib /tmp/mine,yours ${JOB}`);
    t.regex(status.join('\n'), /NoNewPrivs:\t1/);
    t.regex(status.join('\n'), /Seccomp:\t2/);
    t.regex(status.join('\n'), /CapPrm:\t0+\n/);
    t.regex(status.join('\n'), /CapBnd:\t0+\n/);
  },
);

maybe(
  `what it starts on its other nodes does, too, as an executable that was submitted${because}`,
  async (t) => {
    const { site, cluster } = t.context;
    const task = { ...ofJob, isFirst: false, program: '/usr/bin/tell', argv: ['tell', 'by TM'] };
    const done = await site.launch(cluster, 'cn1', task);
    t.is(done.stdout.trim(), `cn1 mine ${USER.uid} by TM`, done.stderr);
    const status = await site.launch(cluster, 'cn0', {
      ...ofJob,
      program: '/bin/sh',
      argv: ['sh', '-c', 'exit 7'],
    });
    t.is(status.status, 7);
    const missing = await site.launch(cluster, 'cn0', {
      ...ofJob,
      program: '/usr/bin/nothing',
      argv: ['nothing'],
    });
    t.is(missing.status, 127);
  },
);

maybe(`jobs that ask for no environment are not touched${because}`, async (t) => {
  const { site, cluster } = t.context;
  const task = { job: '8.login', person: USER, program: '/bin/cat', argv: ['cat', '/opt/mark'] };
  for (const wish of [{}, { tees: 'none' }]) {
    const done = await site.launch(cluster, 'cn0', { ...task, ...wish });
    t.is(done.status, 1);
    t.regex(done.stderr, /No such file/);
  }
});

maybe(`a hook that fails lets nothing run outside of the environment${because}`, async (t) => {
  const { site, cluster } = t.context;
  const task = { ...ofJob, settings: '/nonexistent', program: '/bin/echo', argv: ['echo', 'outside'] };
  const done = await site.launch(cluster, 'cn0', task);
  t.is(done.status, 125);
  t.is(done.stdout, '');
  t.regex(done.stderr, /the hook of PBS has failed: FileNotFoundError/);
});

maybe(`options of the hook, and an environment that is not there${because}`, async (t) => {
  const { site, cluster } = t.context;
  const cat = { program: '/bin/cat', argv: ['cat', '/opt/mark'] };
  site.know({ [JOB]: running(USER, ['cn0', 'cn1']), '9.login': running(USER, ['cn2']) });
  const preload = { ...ofJob, job: '9.login', tees: 'default:hook=preload:on-loss=continue' };
  t.is((await site.launch(cluster, 'cn2', { ...preload, ...cat })).stdout, 'mine\n');
  const wrong = await site.launch(cluster, 'cn2', { ...ofJob, job: '9.login', tees: 'nowhere', ...cat });
  t.is(wrong.status, 125);
  t.regex(wrong.stderr, /ENVIRONMENT_UNKNOWN/);
});

maybe(
  `who asks for another’s job, for another node, or for no job is refused, and it is logged${because}`,
  async (t) => {
    const { site, cluster } = t.context;
    await enter(cluster, OTHER, 'true');
    const cat = { program: '/bin/cat', argv: ['cat', '/opt/mark'] };
    const attempts: [string, Partial<typeof ofJob>, RegExp][] = [
      ['cn0', { person: OTHER }, /RESIDENT_FORBIDDEN/],
      ['cn3', {}, /RESIDENT_FORBIDDEN.*has no node cn3/],
      ['cn0', { job: '99.login' }, /ALLOCATION_UNKNOWN/],
      ['cn0', { job: '$(reboot)' }, /ALLOCATION_UNKNOWN/],
    ];
    for (const [node, change, reason] of attempts) {
      const done = await site.launch(cluster, node, { ...ofJob, ...change, ...cat });
      t.is(done.status, 125);
      t.regex(done.stderr, reason);
    }
    const log = await readFile(new StateDirectory(cluster.stateDirectory).node('login').log, 'utf8');
    t.regex(log, /RESIDENT_FORBIDDEN: job 7.login has no node cn3/);
  },
);

/** What the door answers to a user. */
async function knock(t: { context: Context }, ...words: string[]): Promise<Outcome> {
  const { cluster } = t.context;
  const program = `import socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
body = b"".join(word.encode() + b"\\0" for word in sys.argv[2:])
s.sendall(struct.pack("<I", len(body)) + body); print(s.recv(4096))`;
  const door = doorOf(cluster, 'cn0');
  return runAs(OTHER, 'python3', ['-c', program, door, ...words.map((word) => (word === '-' ? '' : word))]);
}

maybe(`nobody asks in another’s name, nor ends another’s job${because}`, async (t) => {
  const asked = `enter pbs ${JOB} default ${USER.uid} 0 0 - - - / - - sh`.split(' ');
  t.regex((await knock(t, ...asked)).stdout, /NOT_ALLOWED/);
  t.regex((await knock(t, 'ended', 'pbs', JOB)).stdout, /NOT_ALLOWED/);
  t.regex(
    (await knock(t, 'enter', 'slurm', ...asked.slice(2, 4), String(OTHER.uid), ...asked.slice(5))).stdout,
    /RESIDENT_FORBIDDEN/,
  );
});

maybe(`a user takes neither the door nor the daemon’s memory from others${because}`, async (t) => {
  const { site, cluster } = t.context;
  const program = `import socket, struct, sys
def knock():
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); return s
large = knock(); large.sendall(struct.pack("<I", 600 << 10)); print(large.recv(4096))
held = [knock() for _ in range(600)]
print(held[-1].recv(4096)); sys.stdout.flush(); sys.stdin.read()`;
  const child = spawn('python3', ['-c', program, doorOf(cluster, 'cn0')], { uid: OTHER.uid, gid: OTHER.gid });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await eventually('both refusals', () => said.split('\n').length > 2);
  t.regex(said, /MESSAGE_INVALID[^]*TASKS_TOO_MANY/);
  // Meanwhile somebody else comes in, with more words than the door is told.
  const words = Array<string>(20).fill('x'.repeat(50_000));
  const done = await site.launch(cluster, 'cn0', {
    ...ofJob,
    program: '/usr/bin/tell',
    argv: ['tell', ...words],
  });
  t.is(done.stdout.length, `cn0 mine ${USER.uid} `.length + 20 * 50_001, done.stderr);
  child.stdin.end();
  await once(child, 'close');
});

maybe(
  `tees-task goes nowhere but where root’s daemon sends it, and brings no code of the user’s along${because}`,
  async (t) => {
    const { site, scratch } = t.context;
    const own = join(scratch, 'own');
    mkdirSync(own);
    chownSync(own, USER.uid, USER.gid);
    const socket = join(own, 'tasks.sock');
    const server = createServer((connection) => connection.end()).listen(socket);
    await once(server, 'listening');
    const words = ['enter', JOB, 'default', '1', '-', '-', '-', '--', '/bin/true', 'true'];
    const asUser = (...argv: string[]): Promise<Outcome> => runAs(USER, site.task, argv);
    const runtime = dirname(doorOf(t.context.cluster, 'cn0'));
    const link = join(own, 'link');
    symlinkSync(runtime, link);
    const places = [socket, `${own}/../own/tasks.sock`, `${own}/later/tasks.sock`, `${link}/tasks.sock`];
    // Of root's alone, but not this door; and where anybody could put one later.
    const others = ['tasks.sock', join(runtime, 'tees.sock'), '/tmp/tasks.sock'];
    for (const path of [...places, ...others]) {
      const done = await asUser('--socket', path, ...words);
      t.is(done.status, 125, path);
      t.regex(done.stderr, /others than root could put something there/, path);
    }
    server.close();
    const library = join(own, 'own.so');
    const source = `#include <fcntl.h>
__attribute__((constructor)) static void leave_trace(void) { open("${own}/was-here", O_CREAT | O_WRONLY, 0644); }`;
    const compiled = await runAs(USER, 'gcc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', library], {
      input: source,
    });
    t.is(compiled.status, 0, compiled.stderr);
    await runAs(USER, site.task, ['check'], { env: { LD_PRELOAD: library } });
    const seen = await runAs(USER, 'ls', [own]);
    t.false(seen.stdout.includes('was-here'));
    // That it can be seen: a program without capabilities loads it.
    await runAs(USER, '/bin/true', [], { env: { LD_PRELOAD: library } });
    t.true((await runAs(USER, 'ls', [own])).stdout.includes('was-here'));
    t.regex((await asUser('enter', JOB)).stderr, /started by the hook/);
  },
);

maybe(`a node’s file without capabilities says what to do${because}`, async (t) => {
  const { site } = t.context;
  t.is((await runAs(USER, site.task, ['check'])).status, 0);
  const bare = await runAs(USER, taskPath(), ['check']);
  t.is(bare.status, 1);
  t.regex(bare.stderr, /setcap cap_sys_admin/);
});

maybe(`qsub says by itself in which environment a job runs${because}`, async (t) => {
  const { site, cluster } = t.context;
  const bin = site.addProgram('qsub', '#!/bin/sh\necho "$(id -u)" "$@"\n');
  for (const options of [[], ['--as-user']]) {
    const say = async (words: string): Promise<string> =>
      (await enter(cluster, USER, `PATH=$PATH:${bin}; qsub ${words}`, options)).stdout.trim();
    t.is(await say('-l select=2 job.sh'), `${USER.uid} -l tees=default -l select=2 job.sh`);
    t.is(await say('-l tees=none job.sh'), `${USER.uid} -l tees=none job.sh`);
    t.is(await say('-- /bin/echo tees=mine'), `${USER.uid} -l tees=default -- /bin/echo tees=mine`);
  }
});

maybe(`when the job is over, so is its environment${because}`, async (t) => {
  const { site, cluster } = t.context;
  site.know({ [JOB]: { ...running(USER, ['cn0', 'cn1']), job_state: 'E' } });
  const done = await site.end(cluster, 'cn0', { ...shell });
  t.is(done.status, 0, done.stderr);
  await eventually('their end', async () => {
    const looks = cluster.nodes.map(async (node) => {
      const { store } = new StateDirectory(cluster.stateDirectory).node(node);
      return (await cluster.exec(node, ['sh', '-c', `ls ${join(store, 'jobs')}`])).stdout.trim();
    });
    return (await Promise.all(looks)).join('') === '';
  });
  const late = await site.launch(cluster, 'cn0', { ...ofJob, program: '/bin/true', argv: ['true'] });
  t.regex(late.stderr, /ALLOCATION_UNKNOWN/);
});

maybe(`a PBS that does not answer is named, and the task is told${because}`, async (t) => {
  const { site, cluster } = t.context;
  site.addProgram(
    'qstat',
    '#!/bin/sh\necho "Connection refused" >&2\necho "qstat: cannot connect to server login (errno=111)" >&2\nexit 111\n',
  );
  const done = await site.launch(cluster, 'cn0', { ...ofJob, program: '/bin/true', argv: ['true'] });
  t.is(done.status, 125);
  t.regex(done.stderr, /RESOURCE_MANAGER_SILENT.*cannot connect to server/);
});
