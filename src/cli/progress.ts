/**
 * What a job is doing while it runs: bars that redraw on a terminal, a plain line now and then elsewhere.
 * Other output goes through `line`, so that it stands above the bars and does not tear them.
 */
import type { Writable } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { systemClock } from '../base/clock.js';
import { bar } from '../report/bar.js';
import type { Colour, Paint } from '../report/paint.js';
import { painter, wantsColour } from '../report/paint.js';
import { fit, formatBytes } from '../report/units.js';
import type { PresentWait } from '../wire/waits.js';

export interface ProgressState {
  readonly urgentBytes: number;
  readonly urgentTotal: number;
  readonly hystereticBytes: number;
  readonly hystereticTotal: number;
  /** Nodes whose command runs or has run, and nodes whose command has ended. */
  readonly launched: number;
  readonly exited: number;
  readonly nodes: number;
  /** Reads wait now. */
  readonly waiting?: { readonly count: number; readonly longest: PresentWait } | undefined;
}

export interface ProgressOptions {
  /** Bars instead of lines; by default when the stream is a terminal that can move its cursor. */
  readonly terminal?: boolean;
  readonly color?: boolean;
  readonly clock?: Clock;
}

const REDRAW_INTERVAL_MS = 80;
const LINE_INTERVAL_MS = 1000;
const LABEL_WIDTH = 16;
const FIGURES_WIDTH = 26;
const BAR_WIDTH_MAX = 60;
const COLUMNS_DEFAULT = 80;

interface Row {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly figures: string;
  readonly colour: Colour;
}

type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export class Progress {
  readonly #stream: Terminal;
  readonly #terminal: boolean;
  readonly #paint: Paint;
  readonly #clock: Clock;
  #state: ProgressState | undefined;
  /** What is done before anything can be counted. */
  #phase = '';
  /** Rows of bars now on the terminal, the cursor below them. */
  #drawn = 0;
  #shownAtMs = -Infinity;
  #shownSteps = '';
  #timer: NodeJS.Timeout | undefined;
  #finished = false;
  #hasWaited = false;

  constructor(stream: Terminal, options: ProgressOptions = {}) {
    this.#stream = stream;
    this.#terminal = options.terminal ?? (stream.isTTY === true && process.env['TERM'] !== 'dumb');
    this.#paint = painter(options.color ?? wantsColour(stream));
    this.#clock = options.clock ?? systemClock;
  }

  /** A sentence in the bars' place, until there is something to count. */
  phase(text: string): void {
    if (this.#finished || this.#state) return;
    this.#phase = text;
    if (this.#terminal) this.#draw();
    else this.#stream.write(`${text}\n`);
  }

  update(state: ProgressState): void {
    if (this.#finished) return;
    this.#state = state;
    if (this.#terminal) this.#redrawSoon();
    else this.#sayWhenDue(false);
  }

  /** A line of output above the bars, on `to` where that is another stream of the same terminal. */
  line(text: string, to: Writable = this.#stream): void {
    const erase = this.#erasure();
    if (to === this.#stream) this.#stream.write(`${erase}${text}\n`);
    else {
      if (erase) this.#stream.write(erase);
      to.write(`${text}\n`);
    }
    if (erase) this.#draw();
  }

  /** Shows the last state and stays on the screen. Nothing is drawn after it. */
  finish(): void {
    if (this.#finished) return;
    if (!this.#terminal) this.#sayWhenDue(true);
    else if (this.#state) this.#draw();
    else this.#stream.write(this.#erasure());
    this.#finished = true;
    this.#drawn = 0;
    this.#cancelTimer();
  }

  #redrawSoon(): void {
    if (this.#timer) return;
    const due = this.#shownAtMs + REDRAW_INTERVAL_MS - this.#clock.nowMs();
    if (due <= 0) this.#draw();
    else this.#timer = setTimeout(() => this.#draw(), due).unref();
  }

  #cancelTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Moves above the bars and clears to the end of the screen. */
  #erasure(): string {
    const text = this.#drawn > 0 ? `\x1b[${this.#drawn}A\r\x1b[J` : '';
    this.#drawn = 0;
    return text;
  }

  #draw(): void {
    this.#cancelTimer();
    const rows = this.#state ? this.#renderRows(this.#state) : [this.#phase];
    if (rows[0] === '') return;
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A\r` : '';
    // One write, each row cleared only behind its text: nothing flickers.
    this.#stream.write(up + rows.map((row) => `${row}\x1b[K\n`).join(''));
    this.#drawn = rows.length;
    this.#shownAtMs = this.#clock.nowMs();
  }

  /** Waits have a line of their own, empty while there are none: the bars do not jump. */
  #renderRows(state: ProgressState): string[] {
    const bars = rowsOf(state).map((row) => this.#renderRow(row));
    if (state.waiting) this.#hasWaited = true;
    if (!this.#hasWaited) return bars;
    return [...bars, fit(waitsText(state), (this.#stream.columns ?? COLUMNS_DEFAULT) - 1)];
  }

  #renderRow({ label, done, total, figures, colour }: Row): string {
    // One column stays free: a full line would make some terminals go to the next.
    const columns = (this.#stream.columns ?? COLUMNS_DEFAULT) - 1;
    const width = Math.min(BAR_WIDTH_MAX, columns - LABEL_WIDTH - FIGURES_WIDTH);
    if (width < 4) return `${label.padEnd(LABEL_WIDTH)}${figures.trim()}`.slice(0, columns);
    const drawn = bar(0, Math.min(done, total), total, width, { unicode: true });
    const rest = drawn.trimEnd();
    const track = '·'.repeat(width - rest.length);
    return (
      label.padEnd(LABEL_WIDTH) +
      this.#paint(colour, rest) +
      this.#paint('dim', track) +
      figures.padStart(FIGURES_WIDTH)
    );
  }

  /** A line at each tenth of the way, at most one a second; the last state is always told. */
  #sayWhenDue(last: boolean): void {
    if (!this.#state) return;
    const steps = stepsOf(this.#state);
    if (steps === this.#shownSteps) return;
    if (!last && this.#clock.nowMs() < this.#shownAtMs + LINE_INTERVAL_MS) return;
    this.#shownSteps = steps;
    this.#shownAtMs = this.#clock.nowMs();
    this.#stream.write(`${sentence(this.#state)}\n`);
  }
}

function rowsOf(state: ProgressState): Row[] {
  const { urgentBytes, urgentTotal, hystereticBytes, hystereticTotal, launched, exited, nodes } = state;
  return [
    bytesRow('urgent part', urgentBytes, urgentTotal, 'green'),
    bytesRow('hysteretic part', hystereticBytes, hystereticTotal, 'blue'),
    nodesRow('nodes launched', launched, nodes, 'cyan'),
    nodesRow('nodes done', exited, nodes, 'cyan'),
  ];
}

function waitsText({ waiting }: ProgressState): string {
  if (!waiting) return '';
  const { node, path, seconds } = waiting.longest;
  const reads = waiting.count === 1 ? '1 read waits' : `${waiting.count} reads wait`;
  return `${reads}, longest ${seconds.toFixed(0)} s (${node}:${path})`;
}

function bytesRow(label: string, done: number, total: number, colour: Colour): Row {
  const sizes = `${formatBytes(done)} of ${formatBytes(total)}`;
  const figures = `${sizes}${`${percent(done, total)} %`.padStart(6)}`;
  return total > 0 ? { label, done, total, colour, figures } : { label, done: 1, total: 1, colour, figures };
}

function nodesRow(label: string, done: number, total: number, colour: Colour): Row {
  return { label, done, total, colour, figures: `${done} of ${total}` };
}

/** Rounded down: 100 only when all is there. Of nothing, all is there. */
function percent(done: number, total: number): number {
  return total > 0 ? Math.min(100, Math.floor((done / total) * 100)) : 100;
}

/** Changes when a line is worth it. */
function stepsOf(state: ProgressState): string {
  const tenth = (done: number, total: number): number => Math.floor(percent(done, total) / 10);
  return [
    tenth(state.urgentBytes, state.urgentTotal),
    tenth(state.hystereticBytes, state.hystereticTotal),
    tenth(state.launched, state.nodes),
    tenth(state.exited, state.nodes),
  ].join();
}

function sentence(state: ProgressState): string {
  const part = (name: string, done: number, total: number): string =>
    `${name} ${percent(done, total)} % of ${formatBytes(total)}`;
  return [
    part('urgent part', state.urgentBytes, state.urgentTotal),
    part('hysteretic part', state.hystereticBytes, state.hystereticTotal),
    `${state.launched} of ${state.nodes} nodes launched`,
    `${state.exited} done`,
  ].join(', ');
}
