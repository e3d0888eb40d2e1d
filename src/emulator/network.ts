/** Makes the network of a cluster, from inside the supervisor's namespaces: runs the scripts, names what failed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { TeesError } from '../base/errors.js';
import { parseCounters } from '../node/uplink.js';
import { mapBounded } from '../base/bounded.js';
import type { NamespaceScript, NetworkScript } from './network-script.js';
import type { ClusterPlan } from './plan.js';
import type { StateDirectory } from './state-directory.js';
import type { LinkCounters, NetworkCounters } from './status.js';
import { TOOL_PATH, initPath } from './tools.js';

/** The kernel serialises most of it by one lock; more at once would only wait. */
const SCRIPTS_AT_ONCE = 4;
const FAILURE_LINES_MAX = 5;

/** @throws TeesError CLUSTER_NETWORK_FAILED, CLUSTER_TBF_MISSING */
export async function makeNetwork(
  state: StateDirectory,
  plan: ClusterPlan,
  script: NetworkScript,
): Promise<void> {
  mkdirSync(state.namespaces, { recursive: true });
  const hosts = [...plan.nodes, ...(plan.storage ? [plan.storage] : [])];
  await run([initPath(), 'namespaces', state.namespaces, ...hosts.map(({ name }) => name)], state, []);
  for (const step of script) {
    await mapBounded(step, SCRIPTS_AT_ONCE, (namespace) => runScript(state, namespace));
  }
}

async function runScript(state: StateDirectory, { node, ip, tc }: NamespaceScript): Promise<void> {
  const prefix = node === undefined ? [] : [initPath(), 'net', state.namespace(node), '--'];
  await run([...prefix, 'ip', '-batch', '-'], state, ip);
  if (tc.length > 0) await run([...prefix, 'tc', '-batch', '-'], state, tc);
}

async function run(
  command: readonly string[],
  state: StateDirectory,
  lines: readonly string[],
): Promise<void> {
  const [program = '', ...argv] = command;
  const child = spawn(program, argv, {
    cwd: state.namespaces,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, PATH: TOOL_PATH, LC_ALL: 'C' },
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  child.stdin.on('error', () => {}); // it has ended early; its status tells
  child.stdin.end(lines.map((line) => line + '\n').join(''));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw networkFailure(command, complaint);
}

/** @param complaint what `ip` or `tc` has written to standard error */
export function networkFailure(command: readonly string[], complaint: string): TeesError {
  const what = complaint.trim().split('\n').slice(0, FAILURE_LINES_MAX).join('; ');
  if (command.includes('tc') && /unknown|No such file or directory|not found/.test(complaint)) {
    return new TeesError('CLUSTER_TBF_MISSING', `uplinks cannot be shaped: ${what}`, {
      hint: 'The kernel needs CONFIG_NET_SCH_TBF: try modprobe sch_tbf, or go without by --uplink unlimited.',
    });
  }
  return new TeesError('CLUSTER_NETWORK_FAILED', `the cluster's network cannot be made: ${what}`, {
    hint: 'The kernel needs network namespaces, CONFIG_VETH and CONFIG_BRIDGE.',
  });
}

/**
 * Counters of the core's ports, which are the other ends of the uplinks: what a port has sent went into the group.
 * /proc/net/dev, as /sys/class/net shows the network namespace in which /sys was mounted.
 */
export function readCounters(plan: ClusterPlan): NetworkCounters {
  const text = readFileSync('/proc/self/net/dev', 'utf8');
  const counters = (port: string): LinkCounters => {
    const { inBytes = 0, outBytes = 0 } = parseCounters(text, port) ?? {};
    return { inBytes: outBytes, outBytes: inBytes };
  };
  return {
    uplinks: plan.groups.map(({ name, proxy }) => ({ group: name, proxy: proxy.name, ...counters(name) })),
    login: counters(plan.login.name),
    ...(plan.storage ? { storage: counters(plan.storage.name) } : {}),
  };
}
