import test from 'ava';
import { parse } from 'yaml';
import { configurationText } from '../../../src/emulator/configuration.js';
import { specify } from '../../../src/emulator/options.js';
import type { ClusterOptions } from '../../../src/emulator/options.js';
import { planCluster } from '../../../src/emulator/plan.js';
import { slurmConfiguration, slurmFiles, slurmTopology } from '../../../src/emulator/slurm-configuration.js';
import { StateDirectory } from '../../../src/emulator/state-directory.js';

const STATE = '/srv/state';
const PLAN = planCluster(2, 3, false);
const FILES = slurmFiles(new StateDirectory(STATE));

interface Binds {
  readonly environment: { readonly bind: readonly string[] };
  readonly environments: { readonly bind: readonly string[] };
}

function bindsOf(options: ClusterOptions): Binds {
  return parse(configurationText(specify({ environments: true, ...options }, STATE), PLAN)) as Binds;
}

test('tasks find what batch scripts and PMIx need, wherever the state directory is', (t) => {
  const { environment, environments } = bindsOf({ slurm: true });
  const places = ['/etc/slurm', '/run/munge', `${STATE}/slurm/spool`, `${STATE}/slurm/tmp`];
  t.deepEqual(environment.bind, ['/tmp', '/home', ...places]);
  t.deepEqual(environments.bind, ['~', '/tmp', '/etc/slurm', '/run/munge']);
});

test('without Slurm nothing of it is shown inside', (t) => {
  const { environment, environments } = bindsOf({});
  t.deepEqual(environment.bind, ['/tmp', '/home']);
  t.deepEqual(environments.bind, ['~', '/tmp']);
});

test("each node is in slurm.conf by its address, and nothing lies outside of the cluster's directory", (t) => {
  const lines = slurmConfiguration(FILES, PLAN).split('\n');
  t.is(lines.filter((line) => line.startsWith('NodeName=')).length, 6);
  t.true(lines.some((line) => line.startsWith('NodeName=cn5 NodeAddr=198.18.2.3 CPUs=')));
  const paths = lines.flatMap((line) => /^\w+=(\/.*)/.exec(line)?.[1] ?? []);
  t.deepEqual(
    paths.filter((path) => !path.startsWith(`${STATE}/slurm`)),
    ['/bin/true'],
  );
});

test('the topology has a switch a group, and one above them', (t) => {
  const wanted = [
    'SwitchName=g0 Nodes=cn[0-2]',
    'SwitchName=g1 Nodes=cn[3-5]',
    'SwitchName=core Switches=g0,g1',
  ];
  t.deepEqual(slurmTopology(PLAN).trim().split('\n'), wanted);
});
