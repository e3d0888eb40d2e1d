/** The slurm.conf of an embedded cluster, and the files beside it. Pure. */
import { join } from 'node:path';
import { spankPath } from '../base/native.js';
import { foldHostlist } from '../topology/hostlist.js';
import type { ClusterPlan } from './plan.js';
import type { StateDirectory } from './state-directory.js';

/** Of an emulated node, whatever this host has: jobs share nodes. */
const NODE_CPUS = 8;
/** How many jobs may have one of them, without asking for that: many small jobs are to be on the same nodes at once. */
const CPU_JOBS = 8;

export interface SlurmFiles {
  readonly directory: string;
  /** On all nodes, at /etc/slurm. */
  readonly configuration: string;
  /** On all nodes, at /run/munge. */
  readonly munge: string;
  readonly spool: string;
  /** For tasks: all nodes have one /tmp, in which PMIx would meet itself. */
  readonly temporary: string;
  readonly state: string;
  readonly key: string;
  readonly logs: string;
}

export function slurmFiles(state: StateDirectory): SlurmFiles {
  const directory = state.slurm;
  return {
    directory,
    configuration: join(directory, 'etc'),
    munge: join(directory, 'munge'),
    spool: join(directory, 'spool'),
    temporary: join(directory, 'tmp'),
    state: join(directory, 'state'),
    key: join(directory, 'munge.key'),
    logs: state.slurmLogs,
  };
}

/** Without control groups: the emulated nodes have one kernel, and slurmd would take all of them for its own. */
export function slurmConfiguration(files: SlurmFiles, plan: ClusterPlan): string {
  const { login, groups } = plan;
  const settings = {
    ClusterName: 'embedded',
    SlurmctldHost: `${login.name}(${login.address})`,
    AuthType: 'auth/munge',
    CredType: 'cred/munge',
    SlurmUser: 'root',
    SlurmdUser: 'root',
    StateSaveLocation: files.state,
    SlurmdSpoolDir: join(files.spool, '%n'),
    TmpFS: join(files.temporary, '%n'),
    SlurmctldPidFile: join(files.directory, 'slurmctld.pid'),
    SlurmdPidFile: join(files.directory, 'slurmd.%n.pid'),
    SlurmctldLogFile: join(files.logs, 'slurmctld.log'),
    SlurmdLogFile: join(files.logs, 'slurmd.%n.log'),
    ProctrackType: 'proctrack/linuxproc',
    TaskPlugin: 'task/none',
    JobAcctGatherType: 'jobacct_gather/none',
    SelectType: 'select/cons_tres',
    SelectTypeParameters: 'CR_CPU',
    TopologyPlugin: 'topology/tree',
    // Jobs of several parts are begun by that alone, by default every half a minute.
    SchedulerParameters: 'bf_interval=2',
    MpiDefault: 'none',
    MailProg: '/bin/true',
    ReturnToService: '2',
    SlurmdParameters: 'config_overrides',
    // Many daemons share few processors here.
    MessageTimeout: '100',
    SlurmdTimeout: '300',
    KillWait: '5',
  };
  return lines([
    ...Object.entries(settings).map(([key, value]) => `${key}=${value}`),
    ...groups
      .flatMap(({ proxy, slaves }) => [proxy, ...slaves])
      .map(({ name, address }) => `NodeName=${name} NodeAddr=${address} CPUs=${NODE_CPUS} State=UNKNOWN`),
    `PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=FORCE:${CPU_JOBS} State=UP`,
  ]);
}

export function slurmTopology({ groups }: ClusterPlan): string {
  return lines([
    ...groups.map(
      ({ name, proxy, slaves }) =>
        `SwitchName=${name} Nodes=${foldHostlist([proxy, ...slaves].map((node) => node.name))}`,
    ),
    `SwitchName=core Switches=${groups.map(({ name }) => name).join(',')}`,
  ]);
}

/** As docs/install.md has it; here each node's door is in a directory of its own. */
export function plugstack(state: StateDirectory): string {
  return lines([`required ${spankPath()} socket=${join(state.node('%h').runtime, 'tasks.sock')}`]);
}

function lines(all: readonly string[]): string {
  return all.join('\n') + '\n';
}
