/**
 * The job as a picture: what was when, on one scale from submission on, against the same job had it waited for
 * the whole layer first.
 */
import { bar } from './bar.js';
import type { Colour, Paint } from './paint.js';
import { painter } from './paint.js';
import type { Report } from './report.js';
import { firstBlockedRead, slowestTask, waitedForAll } from './reckoning.js';
import type { Span, Waited } from './reckoning.js';
import { fit, formatSeconds, wrap } from './units.js';

export interface TimelineOptions {
  /** Columns. */
  readonly width: number;
  readonly color: boolean;
  /** False draws with ASCII only. */
  readonly unicode?: boolean;
  /** When waiting for everything has been measured; else it is reckoned from the report. */
  readonly waitedForAllSeconds?: number;
}

const LABEL_WIDTH = 23;
const TIMES_WIDTH = 15;
const BAR_WIDTH_MIN = 10;

interface Row {
  readonly label: string;
  readonly times: string;
  readonly bar: string;
}

/** Ends without a newline. */
export function renderTimeline(report: Report, options: TimelineOptions): string {
  const { timeline } = report;
  const waited = waitedForAll(report, options.waitedForAllSeconds);
  const moments = Object.values(timeline) as (number | undefined)[];
  const known = [...moments, waited?.end].filter((time) => time !== undefined);
  const canvas: Canvas = {
    total: Math.max(0, ...known),
    width: Math.max(BAR_WIDTH_MIN, options.width - LABEL_WIDTH - TIMES_WIDTH),
    unicode: options.unicode ?? true,
    paint: painter(options.color),
  };
  const rows = [
    ...deliveredRow('urgent part delivered', timeline.urgentDelivered, 'green', canvas),
    ...runningRow(report, canvas),
    ...firstBlockedRow(report, canvas),
    ...waitsRow(report, canvas),
    ...deliveredRow('all delivered', timeline.hystereticDelivered, 'blue', canvas),
    ...waitedRow(waited, canvas),
  ];
  if (rows.length === 0) return fit('Nothing was delivered and nothing ran.', options.width);
  const sentences = [...firstBlockedSentence(report), ...verdict(report, waited)];
  const text = sentences.flatMap((sentence) => wrap(sentence, options.width));
  return [axis(canvas), ...rows.map(renderRow), ...(text.length > 0 ? ['', ...text] : [])].join('\n');
}

interface Canvas {
  readonly total: number;
  readonly width: number;
  readonly unicode: boolean;
  readonly paint: Paint;
}

function renderRow({ label, bar, times }: Row): string {
  return `${fit(label, LABEL_WIDTH - 1).padEnd(LABEL_WIDTH)}${bar} ${times.padStart(TIMES_WIDTH - 1)}`;
}

function axis({ total, width, unicode, paint }: Canvas): string {
  const right = formatSeconds(total);
  const line = (unicode ? '─' : '-').repeat(Math.max(0, width - right.length - '0 s'.length - 2));
  return ' '.repeat(LABEL_WIDTH) + paint('dim', `0 s ${line} ${right}`);
}

function deliveredRow(label: string, end: number | undefined, colour: Colour, canvas: Canvas): Row[] {
  if (end === undefined) return [];
  const drawn = bar(0, end, canvas.total, canvas.width, { unicode: canvas.unicode });
  return [{ label, bar: canvas.paint(colour, drawn), times: formatSeconds(end) }];
}

/** From when every node runs to when the last has ended. */
function runningRow({ timeline }: Report, canvas: Canvas): Row[] {
  const { launched } = timeline;
  if (launched === undefined) return [];
  const end = timeline.exited ?? canvas.total;
  const drawn = bar(launched, end, canvas.total, canvas.width, { unicode: canvas.unicode });
  const times = fromTo(launched, timeline.exited);
  return [{ label: 'running on every node', bar: canvas.paint('cyan', drawn), times }];
}

function fromTo(start: number, end: number | undefined): string {
  return end === undefined
    ? `${formatSeconds(start)} on`
    : `${formatSeconds(start).slice(0, -2)} to ${formatSeconds(end)}`;
}

function firstBlockedRow(report: Report, canvas: Canvas): Row[] {
  const first = firstBlockedRead(report);
  if (!first) return [];
  const label = '  first read to wait';
  return [{ label, bar: waits([first], canvas), times: `for ${formatSeconds(first.end - first.start)}` }];
}

/** Of the node that ended last: why it took so long. */
function waitsRow(report: Report, canvas: Canvas): Row[] {
  const slowest = slowestTask(report);
  if (!slowest || slowest.waits.length === 0) return [];
  const times = `in all ${formatSeconds(slowest.waited)}`;
  return [{ label: `  waits on ${slowest.node}`, bar: waits(slowest.waits, canvas), times }];
}

/** Every span on one line. */
function waits(spans: readonly Span[], { total, width, unicode, paint }: Canvas): string {
  const line = Array.from({ length: width }, () => ' ');
  const style = { unicode, fill: unicode ? '▒' : '~' };
  for (const { start, end } of spans) {
    [...bar(start, end, total, width, style)].forEach((character, column) => {
      if (character !== ' ') line[column] = style.fill;
    });
  }
  return paint('yellow', line.join(''));
}

function waitedRow(waited: Waited | undefined, canvas: Canvas): Row[] {
  if (!waited) return [];
  const { total, width, unicode, paint } = canvas;
  const startColumn = Math.min(width, Math.floor((waited.start / (total || 1)) * width));
  const waiting = (unicode ? '·' : '.').repeat(startColumn);
  const running = bar(waited.start, waited.end, total, width, { unicode }).slice(startColumn);
  const times = fromTo(waited.start, waited.end);
  return [{ label: 'had we waited for all', bar: paint('dim', waiting + running), times }];
}

function firstBlockedSentence(report: Report): string[] {
  const first = firstBlockedRead(report);
  if (!first) return [];
  return [
    `First read to wait, for ${formatSeconds(first.end - first.start)} on ${first.node}: ${fit(first.path, 72)}`,
  ];
}

function verdict({ timeline }: Report, waited: Waited | undefined): string[] {
  const { launched, exited } = timeline;
  if (launched === undefined || !waited) return [];
  let text = `Running after ${formatSeconds(launched)} instead of ${formatSeconds(waited.start)}`;
  if (exited === undefined) return [`${text}.`];
  text += `; done after ${formatSeconds(exited)} instead of ${formatSeconds(waited.end)}`;
  return [
    `${text} (${waited.measured ? 'measured' : 'reckoned: the delivery, then the task without its waits'}).`,
  ];
}
