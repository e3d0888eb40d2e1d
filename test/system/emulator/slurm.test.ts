/** A real Slurm on the nodes, for whoever uses it without an environment; and its end. */
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import type { ExecResult } from '../../../src/emulator/exec.js';
import { StateDirectory } from '../../../src/emulator/state-directory.js';
import { dummyDaemon } from '../../support/dummies.js';
import { clusterTest, remains, start, stateDirectory, tracesOf } from '../../support/embedded.js';
import { personOf } from '../../support/environments.js';
import { eventually } from '../../support/tees.js';

/** An account that no other test uses. */
const USER = personOf('_apt');
const NODES = ['cn0', 'cn1', 'cn2', 'cn3'];
const SHAPE = { groups: 2, groupSize: 2, slurm: true };

/** On the login node, without any variable of Slurm. */
async function asUser(t: ExecutionContext, cluster: EmbeddedCluster, script: string): Promise<ExecResult> {
  const user = ['setpriv', `--reuid=${USER.uid}`, `--regid=${USER.gid}`, '--clear-groups'];
  const result = await cluster.exec(cluster.login, [...user, 'sh', '-c', script], { cwd: '/' });
  t.is(result.status, 0, result.stderr);
  return result;
}

const sorted = (text: string): string[] => text.trim().split('\n').sort();

clusterTest('jobs of all kinds run as their users, and down leaves nothing of Slurm', async (t) => {
  const cluster = await start(t, SHAPE);
  const traces = await tracesOf(cluster.stateDirectory);
  t.deepEqual(sorted((await asUser(t, cluster, 'srun -N4 hostname')).stdout), NODES);
  const ids = (await asUser(t, cluster, 'srun --mpi=pmi2 -N2 id -u')).stdout;
  t.deepEqual(sorted(ids), [`${USER.uid}`, `${USER.uid}`]);
  const held = (await asUser(t, cluster, "salloc -N3 sh -c 'srun hostname; srun -N1 echo $SLURM_JOB_ID'"))
    .stdout;
  t.is(sorted(held).length, 4);

  const out = mkdtempSync(join(tmpdir(), 'tees-test-'));
  t.teardown(() => rmSync(out, { recursive: true, force: true }));
  chownSync(out, USER.uid, USER.gid);
  const steps = 'srun hostname; srun -N2 -n2 echo second';
  await asUser(t, cluster, `sbatch --wait -N4 --output=${out}/said --wrap '${steps}'`);
  t.deepEqual(sorted(readFileSync(join(out, 'said'), 'utf8')), [...NODES, 'second', 'second']);

  await asUser(t, cluster, `sbatch -N4 --output=/dev/null --wrap 'srun sleep 600'`);
  await eventually('the step', async () => (await asUser(t, cluster, 'squeue -hs')).stdout.includes('.0'));
  await cluster.down();
  t.deepEqual(await remains(traces), []);
  t.false(existsSync(cluster.stateDirectory));
});

clusterTest('status tells of it, and of a daemon of it that has ended', async (t) => {
  const cluster = await start(t, { ...SHAPE, groups: 1 });
  // slirp4netns, munged, slurmctld, and a slurmd on each node.
  t.deepEqual((await cluster.status()).slurm, { daemons: 5, ended: [] });
  const pid = join(new StateDirectory(cluster.stateDirectory).slurm, 'slurmd.cn1.pid');
  await cluster.exec('cn1', ['sh', '-c', `kill -9 $(cat ${pid})`]);
  await eventually('its end', async () => (await cluster.status()).slurm?.ended[0] === 'slurmd on cn1');
});

clusterTest('one that does not start is named, with its node, and nothing is left but logs', async (t) => {
  const path = stateDirectory(t);
  const spoil = 'echo Nonsense=1 >>/etc/slurm/slurm.conf; exec "$@"';
  const daemonCommand = ['sh', '-c', spoil, 'sh', ...dummyDaemon()];
  const error = await t.throwsAsync(start(t, { ...SHAPE, stateDirectory: path, daemonCommand }), {
    instanceOf: TeesError,
  });
  t.like(error, { code: 'SLURM_NOT_UP', node: 'login' });
  t.regex(error.message, /slurmctld on login ended with status 1; the end of its log:\n.*Nonsense/s);
  t.deepEqual(await remains({ path, namespaces: new Set() }), []);
  t.deepEqual(readdirSync(path).sort(), ['nodes', 'slurm-logs', 'supervisor.log']);
});
