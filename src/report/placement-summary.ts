/** What `tees bcast` says at its end. Pure. */
import { foldHostlist } from '../topology/hostlist.js';
import type { Report } from './report.js';
import { commonRows, row } from './summary.js';
import { formatBytes, formatCount, formatSeconds } from './units.js';

/** Ends without a newline. */
export function summarisePlacement(
  report: Report,
  { destination, nodes }: NonNullable<Report['placement']>,
): string {
  const { files, bytes } = report;
  const wanted = report.nodes.filter((node) => !report.lost.includes(node));
  const missing = wanted.filter((node) => !nodes.includes(node));
  const carried = `${formatCount(files.total, 'content')}, ${formatBytes(bytes.urgent + bytes.hysteretic)}`;
  const { exited } = report.timeline;
  const when = exited === undefined ? '' : `, ${formatSeconds(exited)} after submission`;
  const on = nodes.length === 0 ? 'on no node' : `on ${formatCount(nodes.length, 'node')}${when}`;
  return [
    row('job', `${report.job}: ${destination} is in its place ${on}`),
    ...(missing.length > 0 ? [row('not on', foldHostlist(missing))] : []),
    row('carried', `${carried}, by ${report.method}`),
    ...commonRows(report),
  ].join('\n');
}
