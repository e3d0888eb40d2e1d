/** The slurm.conf of a trial: defaults, but for what keeps Slurm in a directory and in the cluster. Pure. */
import { join } from 'node:path';

export interface SlurmNode {
  readonly name: string;
  readonly address: string;
}

/** Slurm's files; all lie in one directory. */
export interface SlurmFiles {
  readonly directory: string;
  readonly configuration: string;
  readonly mungeSocket: string;
  /** Mounted on each node: a file system or a directory of its own, as the store of TEES is. */
  readonly received: string;
}

export function slurmFiles(directory: string): SlurmFiles {
  return {
    directory,
    configuration: join(directory, 'slurm.conf'),
    mungeSocket: join(directory, 'munge.socket'),
    received: join(directory, 'received'),
  };
}

/**
 * TreeWidth and BcastParameters are not there on purpose: what an administrator gets who sets nothing. The time limits
 * are longer than the defaults, because many daemons share few cores here.
 */
export function slurmConfiguration(
  files: SlurmFiles,
  pluginDirectory: string,
  login: SlurmNode,
  nodes: readonly SlurmNode[],
): string {
  const inside = (name: string): string => join(files.directory, name);
  const settings = {
    ClusterName: 'embedded',
    SlurmctldHost: `${login.name}(${login.address})`,
    AuthType: 'auth/munge',
    AuthInfo: `socket=${files.mungeSocket}`,
    CredType: 'cred/munge',
    PluginDir: pluginDirectory,
    SlurmUser: 'root',
    SlurmdUser: 'root',
    StateSaveLocation: inside('state'),
    SlurmdSpoolDir: inside('spool.%n'),
    SlurmctldPidFile: inside('slurmctld.pid'),
    SlurmdPidFile: inside('slurmd.%n.pid'),
    SlurmctldLogFile: inside('slurmctld.log'),
    SlurmdLogFile: inside('slurmd.%n.log'),
    ProctrackType: 'proctrack/linuxproc',
    TaskPlugin: 'task/none',
    JobAcctGatherType: 'jobacct_gather/none',
    SelectType: 'select/linear',
    SchedulerType: 'sched/builtin',
    MpiDefault: 'none',
    MailProg: '/bin/true',
    ReturnToService: '2',
    SlurmdParameters: 'config_overrides',
    MessageTimeout: '100',
    SlurmdTimeout: '0',
  };
  return [
    ...Object.entries(settings).map(([key, value]) => `${key}=${value}`),
    ...nodes.map(
      ({ name, address }) =>
        `NodeName=${name} NodeHostname=${name} NodeAddr=${address} CPUs=1 RealMemory=256 State=UNKNOWN`,
    ),
    `PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP`,
    '',
  ].join('\n');
}
