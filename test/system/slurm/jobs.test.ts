/** From a private environment srun, sbatch and salloc need nothing new: their tasks run in it, on every node. */
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterTests } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { enter, personOf } from '../../support/environments.js';
import type { Outcome, Person } from '../../support/environments.js';
import { whatIsLeft } from '../../support/slurm.js';

const maybe = clusterTests({ groups: 2, groupSize: 2, environments: true, slurm: true }, {});
/** Accounts that no other test uses. */
const [USER, OTHER] = ['sync', 'daemon'].map(personOf) as [Person, Person];
const NODES = ['cn0', 'cn1', 'cn2', 'cn3'];

async function inside(t: Test, script: string, ...options: string[]): Promise<Outcome> {
  const outcome = await enter(t.context.cluster, USER, script, options);
  t.is(outcome.status, 0, outcome.stderr);
  return outcome;
}

/** One that is in the environment alone. */
function makeProgram(t: Test): Promise<Outcome> {
  const program = '#!/bin/sh\\necho "$(hostname) $(cat /opt/mark) $(id -u) $*"\\n';
  return inside(
    t,
    `echo mine >/opt/mark; printf '${program}' >/usr/local/bin/tell; chmod 755 /usr/local/bin/tell`,
  );
}

/** In which a job's output lies; all nodes have the directory. */
async function outputDirectory(t: Test): Promise<string> {
  const { scratch } = t.context;
  const out = join(scratch, 'out');
  await chmod(scratch, 0o755);
  await mkdir(out);
  await chown(out, USER.uid, USER.gid);
  return out;
}

const sorted = (text: string): string[] => text.trim().split('\n').sort();
const told = (nodes: readonly string[], words = ''): string[] =>
  nodes.map((node) => `${node} mine ${USER.uid} ${words}`);

maybe('srun runs a program of the environment on every node, whoever one is inside', async (t) => {
  await makeProgram(t);
  t.deepEqual(sorted((await inside(t, 'srun -N4 tell as root')).stdout), told(NODES, 'as root'));
  const asUser = await inside(t, 'srun -N4 tell as user', '--as-user');
  t.deepEqual(sorted(asUser.stdout), told(NODES, 'as user'));
  t.deepEqual(await whatIsLeft(t.context.cluster), []);
});

maybe('tasks of a node share one environment, and are nobody special', async (t) => {
  await makeProgram(t);
  const script =
    'readlink /proc/self/ns/mnt; grep -E "NoNewPrivs|CapPrm|CapBnd|Seccomp:" /proc/self/status; readlink /proc/self/exe';
  const { stdout } = await inside(t, `srun -N1 -n4 sh -c '${script}'`);
  const lines = stdout.trim().split('\n');
  t.is(new Set(lines).size, lines.length / 4, stdout);
  t.regex(stdout, /NoNewPrivs:\t1/);
  t.regex(stdout, /Seccomp:\t2/);
  t.regex(stdout, /CapPrm:\t0+\n/);
  t.regex(stdout, /CapBnd:\t0+\n/);
});

maybe('a batch script and its steps, an array, and an allocation', async (t) => {
  await makeProgram(t);
  const out = await outputDirectory(t);
  const steps = 'tell batch; srun tell step one; srun -N2 tell step two';
  await inside(t, `sbatch --wait -N4 --chdir=${out} --output=batch --wrap '${steps}'`);
  const said = sorted(await readFile(join(out, 'batch'), 'utf8'));
  t.deepEqual(
    said,
    [...told(['cn0'], 'batch'), ...told(NODES, 'step one'), ...told(['cn0', 'cn1'], 'step two')].sort(),
  );
  await inside(
    t,
    `sbatch --wait -N2 --array=0-3 --chdir=${out} --output=array.%a --wrap 'srun tell $SLURM_ARRAY_TASK_ID'`,
  );
  for (const index of [0, 1, 2, 3]) {
    const lines = sorted(await readFile(join(out, `array.${index}`), 'utf8'));
    t.is(lines.length, 2);
    t.true(
      lines.every((line) => line.endsWith(`mine ${USER.uid} ${index}`)),
      lines.join(),
    );
  }
  const allocated = await inside(t, "salloc -N3 sh -c 'srun tell one; srun -N1 tell two'");
  t.is(sorted(allocated.stdout).length, 4);
  await rm(out, { recursive: true });
  t.deepEqual(await whatIsLeft(t.context.cluster), []);
});

maybe('a step has the variables that it is given, and not those of the first', async (t) => {
  await inside(
    t,
    `mkdir -p /opt/mine && printf '#!/bin/sh\\necho found $LD_LIBRARY_PATH $WORD\\n' >/opt/mine/look && chmod 755 /opt/mine/look`,
  );
  const out = await outputDirectory(t);
  const steps = 'export PATH=/opt/mine:$PATH LD_LIBRARY_PATH=/opt/mine WORD=own; srun look';
  for (const hook of ['fuse', 'preload']) {
    await inside(
      t,
      `sbatch --wait -N2 --tees-hook=${hook} --chdir=${out} --output=${hook} --wrap '${steps}'`,
    );
    t.deepEqual(sorted(await readFile(join(out, hook), 'utf8')), Array(2).fill('found /opt/mine own'));
  }
  await rm(out, { recursive: true });
  t.deepEqual(await whatIsLeft(t.context.cluster), []);
});

maybe('a job that takes no variables with it is in its environment all the same', async (t) => {
  await makeProgram(t);
  const out = await outputDirectory(t);
  const steps = 'tell batch; srun --export=NONE /usr/local/bin/tell step';
  await inside(
    t,
    `WORD=lost sbatch --wait --export=NONE -N2 --chdir=${out} --output=bare --wrap '${steps}; echo [$WORD]'`,
  );
  t.deepEqual(
    sorted(await readFile(join(out, 'bare'), 'utf8')),
    [...told(['cn0'], 'batch'), ...told(['cn0', 'cn1'], 'step'), '[]'].sort(),
  );
  await rm(out, { recursive: true });
});

maybe('outside an environment, or when one asks for none, nothing changes', async (t) => {
  await makeProgram(t);
  const none = await enter(t.context.cluster, USER, 'srun --tees=none -N2 cat /opt/mark');
  t.not(none.status, 0);
  t.regex(none.stderr, /No such file/);
  const { cluster } = t.context;
  const command = ['setpriv', `--reuid=${OTHER.uid}`, `--regid=${OTHER.gid}`, '--clear-groups'];
  const outside = await cluster.exec(cluster.login, [
    ...command,
    'srun',
    '-N4',
    'sh',
    '-c',
    'ls /opt/mark; hostname',
  ]);
  t.deepEqual(sorted(outside.stdout), NODES);
  t.false(existsSync('/opt/mark'));
});

maybe('another environment by name, and one that is not there', async (t) => {
  await inside(t, 'true');
  const { cluster } = t.context;
  const wrong = await enter(cluster, USER, 'srun --tees=nowhere -N2 true');
  t.is(wrong.status, 125);
  t.regex(wrong.stderr, /ENVIRONMENT_UNKNOWN/);
  t.deepEqual(await whatIsLeft(cluster), [], 'no node is drained for it');
});

maybe('a program that ends badly does so under Slurm, too', async (t) => {
  const { cluster } = t.context;
  t.is((await enter(cluster, USER, "srun -N2 sh -c 'exit 7'")).status, 7);
  t.is((await enter(cluster, USER, 'srun -N2 nonexistent-program')).status, 2);
  t.deepEqual(await whatIsLeft(cluster), []);
});

maybe('the working directory is kept, also one that only the environment has', async (t) => {
  const { stdout } = await inside(t, 'mkdir -p /opt/work && cd /opt/work && srun -N2 pwd');
  t.deepEqual(sorted(stdout), ['/opt/work', '/opt/work']);
  t.deepEqual(await readdir('/opt').then((names) => names.includes('work')), false);
});
