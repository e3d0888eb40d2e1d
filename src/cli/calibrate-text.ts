/** What `tees calibrate` says to people, in lines of at most 80 columns, and what it writes. Pure. */
import { NETWORK_DELAY_MAX_NS, NETWORK_RATE_MAX_BITS, NETWORK_RATE_MIN_BITS } from '../base/limits.js';
import type { Comparison } from '../planning/threshold.js';
import { formatBytes, formatCount, formatSeconds, wrap } from '../report/units.js';
import type { CalibrationFacts, ParameterFact } from '../wire/calibrate-question.js';

const WIDTH = 80;
const KEY_WIDTH = 17;
const VALUE_WIDTH = 12;

/** A rate is told and written with three digits, a time with two: more would not be the same the next time. */
const RATE_DIGITS = 3;
const DELAY_DIGITS = 2;

interface Unit {
  readonly name: string;
  readonly factor: number;
}

/** The largest first. */
const RATE_UNITS: readonly Unit[] = [
  { name: 'gbit', factor: 1e9 },
  { name: 'mbit', factor: 1e6 },
  { name: 'kbit', factor: 1e3 },
];
const DELAY_UNITS: readonly Unit[] = [
  { name: 'ms', factor: 1e6 },
  { name: 'us', factor: 1e3 },
  { name: 'ns', factor: 1 },
];

const MEANINGS: Readonly<Record<string, string>> = {
  latency: 'from sending a small message until the next node has it',
  hopCost: 'a node receives, verifies and keeps 256 KiB before it passes them on',
  loginBandwidth: "the login node's own link, to many groups at once",
  uplinkBandwidth: 'into one group, through its proxy node',
  groupBandwidth: 'from one node to another of its group',
};

export interface ThresholdFacts {
  readonly threshold: number | 'never';
  /** Of what was deployed. */
  readonly bytes: number;
  readonly comparisons: readonly Comparison[];
}

/** Ends with a newline. */
export function thresholdText({ threshold, bytes, comparisons }: ThresholdFacts): string {
  const row = (cells: readonly string[]): string =>
    `${(cells[0] ?? '').padEnd(KEY_WIDTH)}${cells
      .slice(1)
      .map((cell) => cell.padStart(VALUE_WIDTH))
      .join('')}`;
  const seconds = (value: number): string => formatSeconds(value);
  const meaning =
    threshold === 'never'
      ? 'the shared storage is always the faster one here'
      : threshold === 0
        ? 'a tree is always the faster one here'
        : `from ${threshold} nodes on a tree is faster than the shared storage`;
  return [
    row([`${formatBytes(bytes)} to`, 'shared', 'p2p']),
    ...comparisons.map(({ nodes, shared, p2p }) =>
      row([formatCount(nodes, 'node'), seconds(shared), seconds(p2p)]),
    ),
    `${'threshold'.padEnd(KEY_WIDTH)}${String(threshold).padStart(VALUE_WIDTH)}`,
    `  ${meaning}`,
    '',
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** As they stand in the configuration: those that were measured. */
export function networkValues({ parameters }: CalibrationFacts): Record<string, string> {
  return Object.fromEntries(
    parameters.flatMap((parameter) =>
      parameter.measured === undefined ? [] : [[parameter.key, written(parameter, parameter.measured)]],
    ),
  );
}

/** Ends with a newline. */
export function calibrationText(facts: CalibrationFacts): string {
  const { parameters, slow, remarks, groups, took } = facts;
  const of = groups.of > groups.measured ? ` of ${groups.of}` : '';
  return [
    `${groups.measured}${of} ${groups.of === 1 ? 'group' : 'groups'} measured in ${formatSeconds(took)}`,
    '',
    `${''.padEnd(KEY_WIDTH)}${'configured'.padStart(VALUE_WIDTH)}${'measured'.padStart(VALUE_WIDTH)}  spread`,
    ...parameters.flatMap(parameterLines),
    '',
    ...slow.flatMap(({ what, place, value, median }) => {
      const isTime = what === 'round trip';
      const [own, usual] = [value, median].map((each) => show(isTime, each));
      const share = isTime
        ? `${(value / median).toFixed(1)} times the median`
        : `${Math.round((100 * value) / median)} % of the median`;
      return told(`SLOW the ${what} of ${place}: ${own}, ${share}, ${usual}`);
    }),
    ...remarks.flatMap((remark) => told(`note ${remark}`)),
    ...(slow.length + remarks.length > 0 ? [''] : []),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function parameterLines(parameter: ParameterFact): string[] {
  const { key, configured, measured } = parameter;
  const now = measured === undefined ? 'as before' : written(parameter, measured);
  const values = [written(parameter, configured), now].map((text) => text.padStart(VALUE_WIDTH)).join('');
  return [`${key.padEnd(KEY_WIDTH)}${values}  ${spread(parameter)}`, `  ${MEANINGS[key] ?? ''}`];
}

function spread({ key, samples, isLeast, measured }: ParameterFact): string {
  if (measured === undefined) return 'not measured';
  if (isLeast) return 'or more: others were narrower';
  const values = samples.map(({ value }) => value);
  if (values.length < 2) return samples[0]?.place ?? '';
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => show(isDelay(key), value));
  return `${least} to ${most}, ${formatCount(values.length, isDelay(key) && key === 'latency' ? 'hop' : 'group')}`;
}

function told(text: string): string[] {
  return wrap(text, WIDTH - 5).map((line, index) => (index === 0 ? line : `     ${line}`));
}

function isDelay(key: string): boolean {
  return key === 'latency' || key === 'hopCost';
}

function written({ key }: ParameterFact, value: number): string {
  return show(isDelay(key), value);
}

function show(isTime: boolean, value: number): string {
  if (isTime) return quantity(Math.min(NETWORK_DELAY_MAX_NS, value * 1e9), DELAY_DIGITS, DELAY_UNITS);
  const bits = Math.max(NETWORK_RATE_MIN_BITS, Math.min(NETWORK_RATE_MAX_BITS, value * 8));
  return quantity(bits, RATE_DIGITS, RATE_UNITS);
}

/** In the largest unit of which it is one or more, as the configuration takes it (config/quantities.ts). */
function quantity(value: number, digits: number, units: readonly Unit[]): string {
  const rounded = Number(value.toPrecision(digits));
  const known = units.filter(({ factor }, index) => rounded >= factor || index === units.length - 1);
  const { name, factor } = known[0] as Unit;
  return `${Number((rounded / factor).toPrecision(digits))}${name}`;
}
