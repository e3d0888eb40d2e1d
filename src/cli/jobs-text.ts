/** What `tees status` says to people, in lines of at most 80 columns. Pure. */
import { fit, formatBytes, formatCount, formatSeconds, someOf } from '../report/units.js';
import type { JobStatus, StreamStatus } from '../wire/jobs.js';
import type { PresentWait } from '../wire/waits.js';

const WIDTH = 80;
const LABEL_WIDTH = 11;
const WAITS_LISTED_MAX = 20;
const NODES_LISTED_MAX = 6;

/** Ends with a newline. */
export function jobsText(jobs: readonly JobStatus[]): string {
  if (jobs.length === 0) return 'no job runs\n';
  return jobs.map((job) => `${jobLines(job).join('\n')}\n`).join('\n');
}

function jobLines(job: JobStatus): string[] {
  const command = job.command.join(' ');
  const lines = [
    row('job', `${job.job}, of uid ${job.uid}, for ${formatSeconds(job.age)}`),
    row('command', command.replace(/\s+/g, ' ')),
    row('nodes', job.nodes),
  ];
  if (!job.stream) return [...lines, row('phase', job.phase)];
  return [...lines, ...streamLines(job.phase, job.stream)];
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
  if (away.length > 0) lines.push(row('away', someOf(away, NODES_LISTED_MAX)));
  if (lost.length > 0) lines.push(row('lost', someOf(lost, NODES_LISTED_MAX)));
  return [...lines, ...waitLines(stream)];
}

function waitLines({ waiting, waits }: StreamStatus): string[] {
  if (waiting === 0) return [row('waits', 'no read waits')];
  const shown = waits.slice(0, WAITS_LISTED_MAX);
  const more = waiting - shown.length;
  return [
    row('waits', `${formatCount(waiting, 'read')}:`),
    `  ${'NODE'.padEnd(10)}${'SO FAR'.padStart(8)}${'EXPECTED'.padStart(10)}  PATH`,
    ...shown.map(waitLine),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

function waitLine({ node, path, seconds, expected }: PresentWait): string {
  const left = expected === undefined ? 'unknown' : formatSeconds(expected);
  const head = `  ${fit(node, 9).padEnd(10)}${formatSeconds(seconds).padStart(8)}${left.padStart(10)}  `;
  return head + fit(path, WIDTH - head.length);
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
