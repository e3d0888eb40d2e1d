/** Sizes, durations and rates as people write them: `8GiB`, `60s`, `50us`, `10gbit`. */

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
/** Of what the network does, in nanoseconds. */
const DELAY_UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
/** As tc(8) writes them, in bits per second. */
const RATE_UNITS: Readonly<Record<string, number>> = { kbit: 1e3, mbit: 1e6, gbit: 1e9 };

export const SIZE_SYNTAX =
  'a size such as 8GiB or 512MiB (B, KiB, MiB, GiB, TiB, PiB; a bare number is bytes)';
export const DURATION_SYNTAX = 'a duration such as 60s, 5m or 500ms (ms, s, m, h)';
export const DELAY_SYNTAX = 'a time such as 50us or 1.5ms (ns, us, ms, s)';
export const RATE_SYNTAX = 'a rate in bits per second such as 400mbit or 10gbit (kbit, mbit, gbit)';

/** @returns bytes, or undefined when it is no size */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, SIZE_UNITS);
}

/** @returns milliseconds, or undefined when it is no duration */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS);
}

/** @returns nanoseconds, or undefined when it is no such time */
export function parseDelay(text: string): number | undefined {
  return parseQuantity(text, DELAY_UNITS);
}

/** @returns bits per second, or undefined when it is no rate */
export function parseRate(text: string): number | undefined {
  return parseQuantity(text, RATE_UNITS);
}

export function formatDelay(nanoseconds: number): string {
  return formatQuantity(nanoseconds, DELAY_UNITS, 'ns');
}

export function formatRate(bitsPerSecond: number): string {
  return formatQuantity(bitsPerSecond, RATE_UNITS, 'kbit');
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
    [smallest, units[smallest] ?? 1] as [string, number],
  );
  return `${value / factor}${unit}`;
}

/** Each kind as the configuration's reader wants it (quantity-value.ts). */
export const SIZE = { syntax: SIZE_SYNTAX, parse: parseSize, format: formatSize };
export const DURATION = { syntax: DURATION_SYNTAX, parse: parseDuration, format: formatDuration };
export const DELAY = { syntax: DELAY_SYNTAX, parse: parseDelay, format: formatDelay };
export const RATE = { syntax: RATE_SYNTAX, parse: parseRate, format: formatRate };
