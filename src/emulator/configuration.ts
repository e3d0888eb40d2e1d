/** The `tees.yaml` of an embedded cluster, as an administrator would write it for a real one. */
import { stringify } from 'yaml';
import { formatRate } from '../config/quantities.js';
import { foldHostlist } from '../topology/hostlist.js';
import type { ClusterSpecification } from './options.js';
import type { ClusterPlan } from './plan.js';
import { PORT, UPLINK_INTERFACE } from './plan.js';
import { slurmFiles } from './slurm-configuration.js';
import { StateDirectory } from './state-directory.js';

const MIB = 2 ** 20;
/** Of Slurm, for its commands. */
const SLURM_PLACES = ['/etc/slurm', '/run/munge'];

/** Store and runtime directories are the login node's: the daemons of compute nodes are told their own. */
export function configurationText(specification: ClusterSpecification, plan: ClusterPlan): string {
  const state = new StateDirectory(specification.stateDirectory);
  const login = state.node(plan.login.name);
  return stringify(
    {
      cluster: 'embedded',
      login: { name: plan.login.name, address: plan.login.address },
      groups: plan.groups.map(({ name, proxy, slaves }) => ({
        name,
        proxy: proxy.name,
        ...(slaves.length > 0 ? { slaves: foldHostlist(slaves.map((slave) => slave.name)) } : {}),
      })),
      addresses: Object.fromEntries(
        plan.groups.flatMap(({ proxy, slaves }) => [proxy, ...slaves].map((n) => [n.name, n.address])),
      ),
      port: PORT,
      keyFile: state.keyFile,
      tree: { width: 15 },
      store: {
        directory: login.store,
        size: mebibytes(specification.storeSizeBytes),
        cache: mebibytes(specification.storeCacheBytes),
      },
      runtimeDirectory: login.runtime,
      network: {
        uplinkInterface: UPLINK_INTERFACE,
        ...bandwidth('uplinkBandwidth', specification.uplinkBitsPerSecond),
        ...bandwidth('loginBandwidth', specification.loginUplinkBitsPerSecond),
      },
      environment: { bind: ['/tmp', '/home', ...(specification.slurm ? slurmPlaces(state) : [])] },
      ...(specification.slurm ? { resourceManager: 'slurm', authentication: 'munge' } : {}),
      ...specification.settings,
      ...sharedStorage(specification, state.sharedMount),
      ...(specification.environments ? environments(state, specification.slurm) : {}),
    },
    { lineWidth: 110 },
  );
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / MIB)}MiB`;
}

/** Batch scripts are in the spool directory; the state directory may be anywhere. */
function slurmPlaces(state: StateDirectory): string[] {
  const { spool, temporary } = slurmFiles(state);
  return [...SLURM_PLACES, spool, temporary];
}

/** What lies in /tmp here is the cluster's own, too: it is shown inside, as it is on nodes. */
function environments(state: StateDirectory, slurm: boolean): Record<string, unknown> {
  const bind = ['~', '/tmp', ...(slurm ? SLURM_PLACES : [])];
  return { environments: { directory: state.environments, bind } };
}

/** With a storage node its place is the cluster's to say, and all else the settings'. */
function sharedStorage(
  { storage, settings }: ClusterSpecification,
  directory: string,
): Record<string, unknown> {
  return storage
    ? { sharedStorage: { ...(settings['sharedStorage'] as object | undefined), directory } }
    : {};
}

/** What is not shaped has the default. */
function bandwidth(key: string, bitsPerSecond: number | undefined): Record<string, string> {
  return bitsPerSecond === undefined ? {} : { [key]: formatRate(bitsPerSecond) };
}
