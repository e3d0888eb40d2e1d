/** The report for a person: what ran, what travelled, what waited, in a few lines of at most 80 columns. */
import { uncoveredText } from '../planning/uncovered.js';
import type { Report, UplinkUse, Waited } from './report.js';
import { fit, formatBytes, formatCount, formatSeconds, formatShort, someOf, wrap } from './units.js';

const WIDTH = 80;
const LABEL_WIDTH = 11;
/** A whole script may stand in it. */
const COMMAND_WIDTH = 120;
/** From this many groups on, the uplinks are told as a range. */
const UPLINKS_LISTED_MAX = 4;
const ERRORS_LISTED_MAX = 5;
const UNCOVERED_LISTED_MAX = 3;
/** Of a smaller layer, what crosses an uplink is mostly the job's own messages. */
const UPLINK_SHARE_LAYER_MIN_BYTES = 1_000_000;

/** Ends without a newline. */
export function summarise(report: Report): string {
  const lines = [
    row('job', `${report.job}: ${fit(report.command.map(quote).join(' '), COMMAND_WIDTH)}`),
    row('nodes', describeNodes(report)),
    row('method', `${report.method}, hook ${report.hook} (${report.engine}), ${report.layout} layout`),
    row('layer', describeLayer(report)),
    row('urgent', share(report.files.urgent, report.bytes.urgent)),
    row('hysteretic', share(report.files.hysteretic, report.bytes.hysteretic)),
    ...describeStart(report),
    row('plan', describePlan(report)),
    row('waits', describeWaits(report)),
    ...describeUncovered(report),
    ...describeLearning(report),
    ...transportRows(report),
  ];
  return lines.join('\n');
}

/** What is said of a placement as well. */
export function commonRows(report: Report): string[] {
  return [row('plan', describePlan(report)), ...transportRows(report)];
}

function transportRows(report: Report): string[] {
  return [
    row('sent', `${formatBytes(report.bytes.sent)} by the login node`),
    ...describeReused(report),
    ...describeUplinks(report).map((text) => row('uplinks', text)),
    ...(report.borrowed.length > 0 ? [row('borrowed', someOf(report.borrowed, 6))] : []),
    ...(report.lost.length > 0 ? [row('lost', someOf(report.lost, 6))] : []),
    ...describeErrors(report),
  ];
}

function describeReused({ bytes, nodes, borrowed }: Report): string[] {
  if (bytes.reused === 0) return [];
  const average = bytes.reused / (nodes.length + borrowed.length);
  return [row('reused', `${formatBytes(average)} a node, on average, were there before and not sent`)];
}

/** Goes on below itself when it is long. */
export function row(label: string, text: string): string {
  return wrap(text, WIDTH - LABEL_WIDTH)
    .map((line, index) => (index === 0 ? label : '').padEnd(LABEL_WIDTH) + line)
    .join('\n');
}

function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

function describeNodes(report: Report): string {
  const statuses = new Map<number, string[]>();
  for (const [node, status] of Object.entries(report.exit))
    statuses.set(status, [...(statuses.get(status) ?? []), node]);
  const silent = report.nodes.filter((node) => report.exit[node] === undefined);
  const count = formatCount(report.nodes.length, 'node');
  if (statuses.size === 0) {
    const launched = report.nodes.filter((node) => report.perNode[node]?.launched !== undefined).length;
    if (launched === 0) return `${count}, none has run the command`;
    return `${count}; the command ran on ${launched === report.nodes.length ? 'all' : launched} and was ended`;
  }
  const [first] = statuses.keys();
  if (statuses.size === 1 && silent.length === 0)
    return `${count}, ${report.nodes.length === 1 ? '' : 'all '}exited with status ${first}`;
  const parts = [...statuses]
    .sort(([a], [b]) => a - b)
    .map(
      ([status, nodes]) =>
        `${nodes.length === 1 || status !== 0 ? someOf(nodes, 3) : nodes.length} with status ${status}`,
    );
  if (silent.length > 0) parts.push(`${someOf(silent, 3)} without a status`);
  return `${count}: ${parts.join('; ')}`;
}

function describeLayer({ files, bytes }: Report): string {
  const manifest = `manifest ${formatBytes(bytes.manifest)}`;
  return `${share(files.total, bytes.urgent + bytes.hysteretic)}, ${manifest}`;
}

function share(files: number, bytes: number): string {
  return `${formatCount(files, 'file')}, ${formatBytes(bytes)}`;
}

function describeStart({ timeline }: Report): string[] {
  const { launched, hystereticDelivered } = timeline;
  if (launched === undefined) return [];
  let text = `running ${formatSeconds(launched)} after submission`;
  if (hystereticDelivered !== undefined && hystereticDelivered > launched)
    text += `, ${formatSeconds(hystereticDelivered - launched)} before everything was there`;
  return [row('start', text)];
}

function describePlan({ plan: { shape, predicted, bound, achieved } }: Report): string {
  const reached = achieved === undefined ? [] : [`achieved ${formatShort(achieved)}`];
  const expected = predicted === undefined ? [] : [`predicted ${formatShort(predicted)}`];
  const times = [...expected, ...reached, `bound ${formatShort(bound)}`];
  return `shape ${shape}: ${times.join(', ')}`;
}

function describeWaits({ blocked, tasks }: Report): string {
  const longest = blocked[0];
  if (!longest) return 'no read had to wait';
  const waited = Object.values(tasks).filter(({ waits }) => waits > 0);
  const reads = waited.reduce((sum, { waits }) => sum + waits, 0);
  const count = `${formatCount(reads, 'read')} on ${formatCount(waited.length, 'node')}`;
  return `${count}; the longest ${formatSeconds(longest.seconds)}, ${longest.node}: ${longest.path}`;
}

function describeUncovered({ uncovered = [] }: Report): string[] {
  return uncovered
    .slice(0, UNCOVERED_LISTED_MAX)
    .map(({ path, reason }) =>
      row('held back', `${path} began when everything was there: ${uncoveredText(reason)}`),
    );
}

function describeLearning({ learning }: Report): string[] {
  if (!learning?.before) return [];
  const { before, now, urgent, first } = learning;
  const told = (waited: Waited): string =>
    waited.files === 0 ? '0' : `${formatCount(waited.files, 'file')} (${formatSeconds(waited.seconds)})`;
  const learnt = share(urgent.files + first.files, urgent.bytes + first.bytes);
  return [row('learnt', `${learnt}; waited for: ${told(before)} in the last run, ${told(now)} now`)];
}

function describeUplinks({ uplinks, bytes }: Report): string[] {
  const layer = bytes.manifest + bytes.urgent + bytes.hysteretic;
  if (uplinks.length === 0 || layer < UPLINK_SHARE_LAYER_MIN_BYTES) return [];
  const times = (use: UplinkUse): number => use.inBytes / layer;
  if (uplinks.length <= UPLINKS_LISTED_MAX)
    return uplinks.map((use) => {
      const inwards = `${formatBytes(use.inBytes)} in (${times(use).toFixed(2)} of the layer)`;
      return `${use.group} through ${use.proxy}: ${inwards}, ${formatBytes(use.outBytes)} out`;
    });
  const all = uplinks.map(times);
  const range = `${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)} of the layer in each`;
  return [`${uplinks.length} groups, ${range}, ${formatBytes(bytes.uplinkOut)} out in all`];
}

function describeErrors({ errors }: Report): string[] {
  const lines = errors
    .slice(0, ERRORS_LISTED_MAX)
    .map(({ code, message, node }) =>
      row('error', `${node === undefined ? '' : `${node}: `}${code}: ${message}`),
    );
  const more = errors.length - lines.length;
  return more > 0 ? [...lines, row('error', `and ${more} more`)] : lines;
}
