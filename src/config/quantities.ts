/** Sizes and durations as people write them: `8GiB`, `60s`. */

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
};
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

export const SIZE_SYNTAX =
  'a size such as 8GiB or 512MiB (B, KiB, MiB, GiB, TiB, PiB; a bare number is bytes)';
export const DURATION_SYNTAX = 'a duration such as 60s, 5m or 500ms (ms, s, m, h)';

/** @returns bytes, or undefined when it is no size */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, SIZE_UNITS);
}

/** @returns milliseconds, or undefined when it is no duration */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS);
}

export function formatSize(bytes: number): string {
  return formatQuantity(bytes, SIZE_UNITS, 'B');
}

export function formatDuration(milliseconds: number): string {
  return formatQuantity(milliseconds, DURATION_UNITS, 'ms');
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)$/.exec(text);
  if (!match) return undefined;
  const unit = Object.keys(units).find((name) => name.toLowerCase() === match[2]?.toLowerCase());
  return unit === undefined ? undefined : Math.round(Number(match[1]) * (units[unit] as number));
}

/** In the largest unit that leaves a whole number. */
function formatQuantity(value: number, units: Readonly<Record<string, number>>, smallest: string): string {
  const [unit, factor] = Object.entries(units).reduce(
    (best, each) => (value >= each[1] && value % each[1] === 0 && each[1] > best[1] ? each : best),
    [smallest, 1] as [string, number],
  );
  return `${value / factor}${unit}`;
}
