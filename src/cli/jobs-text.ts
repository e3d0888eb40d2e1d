/** What `tees status` says to people, in lines of at most 80 columns. Pure. */
import { fit, formatBytes, formatCount, formatSeconds } from '../report/units.js';
import { foldHostlist } from '../topology/hostlist.js';
import type { JobStatus, StreamStatus } from '../wire/jobs.js';
import type { ResidentSpec } from '../wire/resident.js';
import type { PresentWait } from '../wire/waits.js';

const WIDTH = 80;
const LABEL_WIDTH = 11;
const WAITS_LISTED_MAX = 20;

/** Ends with a newline. */
export function jobsText(jobs: readonly JobStatus[]): string {
  if (jobs.length === 0) return 'no job runs\n';
  return jobs.map((job) => `${jobLines(job).join('\n')}\n`).join('\n');
}

function jobLines(job: JobStatus): string[] {
  const command = job.command.join(' ');
  const lines = [
    row('job', `${job.job}, of uid ${job.uid}, for ${formatSeconds(job.age)}`),
    ...(job.resident ? [row('of', residentText(job.resident))] : []),
    row(job.resident ? 'first task' : 'command', command.replace(/\s+/g, ' ')),
    row('nodes', job.nodes),
  ];
  if (!job.stream) return [...lines, row('phase', job.phase)];
  return [...lines, ...streamLines(job.phase, job.stream)];
}

function residentText({ manager, job, environment }: ResidentSpec): string {
  return `job ${job} of ${manager}; environment ${environment}`;
}

function streamLines(phase: string, stream: StreamStatus): string[] {
  const { launched, nodes, exited, stall, away, lost } = stream;
  const lines = [
    row('phase', `${phase}: ${launched} of ${formatCount(nodes, 'node')} launched, ${exited} done`),
    row('urgent', share(stream.urgentBytes, stream.urgentTotal)),
    row('all', `${share(stream.bytes, stream.bytesTotal)}${pace(phase, stream)}`),
  ];
  if (stall.stalled)
    lines.push(row('stalled', `nothing has moved for ${formatSeconds(stall.quiet)}, policy ${stall.policy}`));
  else if (phase === 'streaming' && stall.quiet > 1)
    lines.push(
      row(
        'quiet',
        `for ${formatSeconds(stall.quiet)}; ${stall.policy} after ${formatSeconds(stall.deadline)}`,
      ),
    );
  if (away.length > 0) lines.push(row('away', manyNodes(away)));
  if (lost.length > 0) lines.push(row('lost', manyNodes(lost)));
  return [...lines, ...waitLines(stream)];
}

function waitLines({ waiting, waits }: StreamStatus): string[] {
  if (waiting === 0) return [row('waits', 'no read waits')];
  const each = waits.map((wait) => ({ ...wait, nodes: [wait.node], expected: wait.expected }));
  const shown = waiting <= WAITS_LISTED_MAX ? each : byPath(waits).slice(0, WAITS_LISTED_MAX);
  const more = waiting - shown.reduce((sum, { nodes }) => sum + nodes.length, 0);
  return [
    row('waits', `${formatCount(waiting, 'read')}:`),
    `  ${'NODE'.padEnd(10)}${'SO FAR'.padStart(8)}${'EXPECTED'.padStart(10)}  PATH`,
    ...shown.map(waitLine),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

/** Of one path on many nodes; the longest. */
interface PathWait {
  readonly path: string;
  readonly nodes: readonly string[];
  readonly seconds: number;
  /** Undefined: not known of all. */
  readonly expected: number | undefined;
}

/** On thousands of nodes it is the same few files that are waited for. */
function byPath(waits: readonly PresentWait[]): PathWait[] {
  const found = new Map<string, PathWait>();
  for (const { node, path, seconds, expected } of waits) {
    const known = found.get(path) ?? { nodes: [], seconds: 0, expected: 0 };
    found.set(path, {
      path,
      nodes: [...known.nodes, node],
      seconds: Math.max(known.seconds, seconds),
      // As long as any of them.
      expected:
        known.expected === undefined || expected === undefined
          ? undefined
          : Math.max(known.expected, expected),
    });
  }
  return [...found.values()].sort((a, b) => b.seconds - a.seconds);
}

function waitLine({ nodes, path, seconds, expected }: PathWait): string {
  const left = expected === undefined ? 'unknown' : formatSeconds(expected);
  const where = nodes.length === 1 ? fit(nodes[0] as string, 9) : `${nodes.length} nodes`;
  const head = `  ${where.padEnd(10)}${formatSeconds(seconds).padStart(8)}${left.padStart(10)}  `;
  return head + fit(path, WIDTH - head.length);
}

function manyNodes(names: readonly string[]): string {
  return names.length === 1 ? (names[0] as string) : `${names.length}: ${foldHostlist(names)}`;
}

function share(bytes: number, total: number): string {
  const percent = total > 0 ? Math.min(100, Math.floor((100 * bytes) / total)) : 100;
  return `${formatBytes(bytes)} of ${formatBytes(total)}, ${percent} %`;
}

function pace(phase: string, { bytesPerSecond, remaining }: StreamStatus): string {
  if (phase !== 'streaming') return '';
  if (remaining === undefined) return '; nothing flows';
  return `; ${formatBytes(bytesPerSecond)}/s, ${formatSeconds(remaining)} to go`;
}

function row(label: string, text: string): string {
  return label.padEnd(LABEL_WIDTH) + fit(text, WIDTH - LABEL_WIDTH);
}
