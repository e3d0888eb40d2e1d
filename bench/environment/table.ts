/** The trial `environment` in 80 columns, and which of its aims are met. Pure. */
import { wrap } from '../../src/report/units.js';
import { median } from '../trial.js';
import { AIMS, DIRECT, WAYS, WORK } from './ways.js';
import type { Measure, Memory, Round, Sizes, WayName } from './ways.js';

export interface Results {
  /** Start, join and stop; a round each. */
  readonly lives: Partial<Record<WayName, Round>>[];
  readonly works: Partial<Record<WayName, Round>>[];
  readonly memory: Partial<Record<WayName, Memory>>[];
  /** Why those failed that did. */
  readonly failures: Partial<Record<WayName, string>>;
  readonly versions: Partial<Record<WayName, string>>;
}

type Rounds = Results['lives'];

const COLUMNS = 80;
const LABEL = 25;
const COLUMN = 9;
const PLACES = { ms: 2, ratio: 2 };

export function table(results: Results, sizes: Sizes): string {
  const { lives, works, memory } = results;
  const timed = ['start', 'join', 'stop'] as const;
  return [
    ...paragraph(
      'An environment of the node’s own root, for an unprivileged user who is root inside: by TEES as it is configured ' +
        'by default, by TEES without limits, by each peer, and a plain fork and exec. Start: from nothing until `true` has ' +
        `ended inside; join: one that runs. ${sizes.files} files of /usr, of up to ${sizes.fileBytesMax >> 10} KiB, in an ` +
        'environment that has just started. Ratios are medians of the rounds’ own.',
    ),
    '',
    line(`ms, medians of ${lives.length}`, titles()),
    ...timed.map((measure) =>
      line(
        measure,
        each((way) => ms(lives, way, measure)),
      ),
    ),
    '',
    line('times bwrap', titles()),
    ...timed.slice(0, 2).map((name) =>
      line(
        name,
        each((way) => times(lives, name, way, 'bwrap')),
      ),
    ),
    '',
    line(`times direct, ${works.length} rounds`, titles()),
    ...WORK.map(({ name, title }) =>
      line(
        title,
        each((way) => times(works, name, way, DIRECT)),
      ),
    ),
    '',
    line(`KiB each of ${sizes.environments}`, titles()),
    ...(['processes', 'kernel', 'available'] as const).map((what) =>
      line(
        MEMORY_TITLES[what],
        each((way) => figure(median(of(memory, way).map((one) => one[what])), 0)),
      ),
    ),
    '',
    ...verdicts(lives).flatMap(paragraph),
    ...Object.entries(results.versions).map(([way, version]) => `${way} ${version}`),
    ...Object.entries(results.failures).flatMap(([way, why]) => paragraph(`Not measured: ${way}: ${why}`)),
  ].join('\n');
}

const MEMORY_TITLES = {
  processes: 'of processes (PSS)',
  kernel: 'of the kernel',
  available: 'no more available',
};

/** One sentence each. */
export function verdicts(lives: Rounds): string[] {
  return AIMS.map(({ measure, way, against, most }) => {
    const found = ratio(lives, measure, way, against);
    if (Number.isNaN(found)) return `Not measured: ${measure} of ${way} against ${against}.`;
    const text = `${measure} of ${way} takes ${found.toFixed(2)} times as long as of ${against}`;
    return found <= most ? `Met: ${text} (aim: ${most}).` : `Missed: ${text}, not ${most}.`;
  });
}

/** Median of the rounds' own ratios, so that what slows a whole round does not show. */
export function ratio(rounds: Rounds, measure: Measure, way: WayName, against: WayName): number {
  return median(
    rounds.flatMap(({ [way]: above, [against]: below }) => {
      const [a, b] = [above?.[measure], below?.[measure]];
      return a === undefined || b === undefined ? [] : [a / b];
    }),
  );
}

function times(rounds: Rounds, measure: Measure, way: WayName, against: WayName): string {
  return figure(ratio(rounds, measure, way, against), PLACES.ratio);
}

function ms(rounds: Rounds, way: WayName, measure: Measure): string {
  const values = of(rounds, way).flatMap(({ [measure]: value }) => (value === undefined ? [] : [value]));
  return figure(median(values) / 1e6, PLACES.ms);
}

function of<T>(rounds: readonly Partial<Record<WayName, T>>[], way: WayName): T[] {
  return rounds.flatMap(({ [way]: one }) => (one === undefined ? [] : [one]));
}

function figure(value: number, places: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(places);
}

function each(cell: (way: WayName) => string): string[] {
  return WAYS.map(({ name }) => cell(name));
}

function titles(): string[] {
  return WAYS.map(({ title }) => title);
}

function line(label: string, values: readonly string[]): string {
  return (label.padEnd(LABEL) + values.map((value) => value.padStart(COLUMN)).join('')).trimEnd();
}

function paragraph(text: string): string[] {
  return wrap(text, COLUMNS);
}
