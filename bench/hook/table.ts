/** The trial `hook` in 80 columns, and which of its aims are missed. Pure. */
import { median } from '../trial.js';
import type { LayoutName } from '../../src/config/config.js';
import { BY_HAND, CASES, MOMENTS, NATIVE, WAYS } from './cases.js';
import type { Blocked, Case, CaseName, Measured, MomentName, Sizes } from './cases.js';

export interface Results {
  /** By the name of the way; a measurement a round. */
  readonly moments: Record<MomentName, Record<string, Measured[]>>;
  readonly blocked: Record<string, Blocked[]>;
  /** Milliseconds. */
  readonly names: number[];
}

const LABEL = 24;
const COLUMN = 9;
/** The machine's other work moves the page cache by a little. */
const NOTHING_MIB = 16;

const MOMENT_NAMES = Object.keys(MOMENTS) as MomentName[];
const CASE_NAMES = Object.keys(CASES) as CaseName[];

export function table(results: Results, sizes: Sizes): string {
  const { largeBytes, smallBytes, directories, perDirectory, rounds } = sizes;
  return [
    `Ratios to a native overlay of the same tree, medians of ${rounds}. Files of ${largeBytes >> 20} MiB;`,
    `${directories * perDirectory} small ones of ${smallBytes >> 10} KiB: opened, read, closed. f-n: fuse-native; preload: the`,
    'hook preload; /d and /s: layouts data-only and stacked. Cold: the overlay',
    'does not know the names. What is waited for is delivered at once. Each figure is',
    'that of the median directory of small files, or median 4 MiB of a large one.',
    ...MOMENT_NAMES.flatMap((moment) => ['', ...momentRows(results.moments[moment], moment)]),
    '',
    'the layouts alone, mounted by hand: all is there, and nobody serves anything',
    line('', '', Object.values(BY_HAND)),
    ...CASE_NAMES.map((name) => line(CASES[name].name, '', byHand(results, name))),
    '',
    ...resourceRows(results, sizes),
    '',
    `${sizes.names} names are in place after ${median(results.names).toFixed(0)} ms.`,
    ...misses(results),
  ].join('\n');
}

/** Medians of the rounds' own ratios, so that what slows a whole round does not show. */
export function ratioOf(
  rounds: Readonly<Record<string, readonly Measured[]>>,
  way: string,
  name: CaseName,
): number {
  const natives = rounds[NATIVE] ?? [];
  const ratios = (rounds[way] ?? []).map(
    ({ rates }, round) => (rates[name] ?? NaN) / (natives[round]?.rates[name] ?? NaN),
  );
  return median(ratios);
}

/** One sentence each. */
export function misses(results: Results): string[] {
  const ours = WAYS.filter((way) => way.ours);
  const slow = ours.flatMap(({ name: way, layout }) =>
    CASE_NAMES.flatMap((name) => {
      const ratio = ratioOf(results.moments.before, way, name);
      const { name: what, aim } = CASES[name] as Case;
      if (ratio >= aim) return [];
      const missed = `Missed: ${what.replace(/, [^,]*$/, '')} by ${way} is ${ratio.toFixed(2)}, not ${aim}`;
      return [`${missed}; the layout alone: ${layoutAlone(results, layout, name)}.`];
    }),
  );
  const twice = ours.flatMap(({ name: way }) =>
    MOMENT_NAMES.flatMap((moment) => {
      const mib = cachedBy(results, moment, way);
      if (mib < NOTHING_MIB) return [];
      return [`Missed: ${mib.toFixed(0)} MiB are cached twice by ${way}, ${MOMENTS[moment].title}.`];
    }),
  );
  return [...slow, ...twice];
}

function byHand(results: Results, name: CaseName): string[] {
  return (Object.keys(BY_HAND) as LayoutName[]).map((layout) => layoutAlone(results, layout, name));
}

function layoutAlone(results: Results, layout: LayoutName, name: CaseName): string {
  return ratioOf(results.moments.before, BY_HAND[layout], name).toFixed(2);
}

function momentRows(rounds: Readonly<Record<string, readonly Measured[]>>, moment: MomentName): string[] {
  const names = WAYS.map(({ name }) => name);
  const rows = CASE_NAMES.map((name) => {
    const natives = (rounds[NATIVE] ?? []).map(({ rates }) => rates[name] ?? NaN);
    const native = (median(natives) / CASES[name].unit).toFixed(0);
    return line(
      CASES[name].name,
      native,
      names.map((way) => ratioOf(rounds, way, name).toFixed(2)),
    );
  });
  return [MOMENTS[moment].title, line('', 'native', names), ...rows];
}

function cachedBy(results: Results, moment: MomentName, way: string): number {
  return median((results.moments[moment][way] ?? []).map(({ cachedMiB }) => cachedMiB));
}

function resourceRows(results: Results, sizes: Sizes): string[] {
  const each = (of: (way: string) => number): string[] => WAYS.map(({ name }) => of(name).toFixed(0));
  const blocked = (what: keyof Blocked): string[] =>
    each((way) => median((results.blocked[way] ?? []).map((round) => round[what])));
  return [
    `second copy in the page cache, MiB of ${(2 * sizes.largeBytes) >> 20}`,
    ...MOMENT_NAMES.map((moment) =>
      line(
        `  ${MOMENTS[moment].short}`,
        '',
        each((way) => Math.max(0, cachedBy(results, moment, way))),
      ),
    ),
    `${sizes.blocked} blocked readers, more than without`,
    line('  threads', '', blocked('threads')),
    line('  MiB of memory', '', blocked('mib')),
    line('  all awake after, ms', '', blocked('wakeMs')),
  ];
}

function line(label: string, native: string, values: readonly string[]): string {
  return (
    label.padEnd(LABEL) + [native, ...values].map((value) => value.padStart(COLUMN)).join('')
  ).trimEnd();
}
