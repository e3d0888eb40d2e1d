/** What `tees cluster` says to people. */
import type { EmbeddedCluster } from '../emulator/cluster.js';
import type { Progress } from '../emulator/options.js';
import type { ClusterStatus, NodeStatus, SlurmStatus } from '../emulator/status.js';

const MIB = 2 ** 20;

interface Shape {
  readonly groups: number;
  readonly groupSize: number;
  readonly uplink: string;
  readonly slurm: boolean;
}

/** Redraws one line on a terminal, says each step once elsewhere. */
export function showProgress(stream: NodeJS.WriteStream): (progress: Progress) => void {
  return ({ step, done, total }) => {
    const line = {
      network: 'network made',
      nodes: `nodes up: ${done} of ${total}`,
      slurm: `Slurm has ${done} of ${total} nodes`,
    }[step];
    if (stream.isTTY) stream.write(`\r${line}${done === total && step !== 'network' ? '\n' : ''}`);
    else if (done === total) stream.write(`${line}\n`);
  };
}

export function upSummary(cluster: EmbeddedCluster, shape: Shape, seconds: number): string {
  const first = cluster.nodes[0] ?? cluster.login;
  const groups = `${shape.groups} ${shape.groups === 1 ? 'group' : 'groups'} of ${shape.groupSize}`;
  return [
    `embedded cluster up in ${seconds.toFixed(1)} s: ${groups} and a login node, uplinks ${shape.uplink}`,
    'Use it:',
    `  export TEES_CLUSTER=${quote(cluster.stateDirectory)}`,
    `  tees run --nodes ${first} --upper DIR -- hostname`,
    `  tees cluster exec ${first} -- ip addr`,
    ...(shape.slurm ? [`  tees cluster exec ${cluster.login} -- sinfo`] : []),
    '  tees cluster status',
    '  tees cluster down',
    '',
  ].join('\n');
}

export function statusText(status: ClusterStatus): string {
  const rows = status.nodes.map((node) => nodeRow(node));
  const uplinks = [
    ...status.uplinks.map(({ group, proxy, inBytes, outBytes }) => [
      group,
      proxy,
      `${inBytes}`,
      `${outBytes}`,
    ]),
    ['-', 'login', `${status.login.inBytes}`, `${status.login.outBytes}`],
    ...(status.storage ? [['-', 'storage', `${status.storage.inBytes}`, `${status.storage.outBytes}`]] : []),
  ];
  const up = status.nodes.filter((node) => node.state === 'up').length;
  const over = status.nodes.filter((node) => node.overMemory === true).map((node) => node.name);
  const lines = [
    `embedded cluster ${status.phase} in ${status.stateDirectory}: ${up} of ${status.nodes.length} nodes up,` +
      ` supervisor ${status.supervisorPid}, ${Math.round(status.uptimeSeconds)} s`,
    '',
    ...table(['NODE', 'ROLE', 'ADDRESS', 'STATE', 'PID', 'RESTARTS', 'RSS MiB', 'PSS MiB'], rows, 4),
    '',
    ...table(['GROUP', 'UPLINK OF', 'BYTES IN', 'BYTES OUT'], uplinks, 2),
  ];
  if (status.slurm) lines.push('', slurmText(status.slurm));
  if (over.length > 0) {
    const allowed = Math.round(status.memoryMaxBytes / MIB);
    lines.push('', `more than ${allowed} MiB of memory: ${over.join(', ')}`);
  }
  return lines.join('\n') + '\n';
}

function slurmText({ daemons, ended }: SlurmStatus): string {
  const all = `Slurm: ${daemons - ended.length} of ${daemons} daemons run`;
  return ended.length > 0 ? `${all}; ended: ${ended.join(', ')}` : all;
}

function nodeRow(node: NodeStatus): string[] {
  const mib = (bytes: number | undefined): string => (bytes === undefined ? '-' : (bytes / MIB).toFixed(1));
  const state = node.state === 'down' ? `down (${ending(node.exit)})` : node.state;
  const pid = node.pid === undefined ? '-' : String(node.pid);
  const restarts = String(node.restarts);
  return [node.name, node.role, node.address, state, pid, restarts, mib(node.rssBytes), mib(node.pssBytes)];
}

function ending(exit: number | string | undefined): string {
  return typeof exit === 'number' ? `status ${exit}` : (exit ?? 'not started');
}

/** Columns from index `right` on are numbers. */
function table(head: readonly string[], rows: readonly (readonly string[])[], right: number): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const cell = (text: string, i: number): string =>
    i < right ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0);
  return [head, ...rows].map((row) => row.map(cell).join('  ').trimEnd());
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
