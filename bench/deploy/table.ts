/** The trial `deploy` in 80 columns, and which of its aims are met. Pure. */
import { wrap } from '../../src/report/units.js';
import { median } from '../trial.js';
import { WAYS } from './ways.js';
import type { Aims, Conditions, Measured, PayloadResults, Round, Way, WayName } from './ways.js';

/** Two links and a switch of this host; whatever it is exactly, it is nothing beside the transfer. */
const LATENCY_SECONDS = 0.0002;
const LABEL = 21;
const COLUMN = 7;
const COLUMNS = 80;
const OURS: WayName = 'p2p';

/** Nobody is faster: each group takes the payload once over its uplink, all at the same time. */
export function lowerBound(megabytes: number, uplinkBitsPerSecond: number): number {
  return (megabytes * 8e6) / uplinkBitsPerSecond + LATENCY_SECONDS;
}

export function table(results: readonly PayloadResults[], conditions: Conditions): string {
  return [
    ...paragraph(
      `One file that does not compress, to every node, over uplinks of ${conditions.uplinkBitsPerSecond / 1e6} Mbit/s. Seconds ` +
        'from the plan (TEES) and from submission until the last node has it in its place; against the lower bound, payload ' +
        'by rate of an uplink; how many times as fast as sbcast; MB over all uplinks, in and out; seconds of the ' +
        `${conditions.processors} processors that all nodes share; how busy the machine was, with all that ran on it.`,
    ),
    ...results.flatMap((one) => ['', ...rows(one, conditions)]),
    '',
    ...results.flatMap((one) => verdicts(one, conditions)).flatMap(paragraph),
  ].join('\n');
}

/** One sentence each. */
export function verdicts(results: PayloadResults, conditions: Conditions): string[] {
  const { payload, nodes } = results;
  const { aims, megabytes } = payload;
  if (!aims) return [];
  const what = `${megabytes} MB to ${nodes} nodes`;
  const faster = ratio(results.rounds, 'sbcast', OURS, ({ seconds }) => seconds);
  const bound = overBound(results, OURS, conditions);
  return [
    verdict(faster >= aims.faster, faster, `${what} arrive`, `times as fast as by sbcast`, `${aims.faster}`),
    verdict(bound <= aims.bound, bound, `${what} take`, 'times the lower bound', `${aims.bound}`),
    ...(bound > aims.bound ? [whereItWent(results, conditions)] : []),
    ...aims.below.than.map((way) => bytesVerdict(results.rounds, way, aims.below, what)),
  ];
}

/** All nodes share this machine's processors, which a real cluster's do not. */
function whereItWent({ rounds }: PayloadResults, { processors }: Conditions): string {
  const used = median(present(rounds, OURS).map((one) => one.processorSeconds));
  const [busy, least] = [median(present(rounds, OURS).map((one) => one.busy)), used / processors];
  return (
    `The nodes used ${seconds(used)} s of ${processors} processors for the whole job, so ${seconds(least)} s at least, ` +
    `were nothing else to do; the machine was ${(busy * 100).toFixed(0)} % busy.`
  );
}

function bytesVerdict(rounds: readonly Round[], way: WayName, { part }: Aims['below'], what: string): string {
  const below = 1 - ratio(rounds, OURS, way, uplinkBytes);
  const title = WAYS.find(({ name }) => name === way)?.title ?? way;
  const percent = `${(part * 100).toFixed(0)} %`;
  if (Number.isNaN(below)) return `Not measured: ${what}, bytes over the uplinks against ${title}.`;
  const text = `${what} put ${(below * 100).toFixed(1)} % fewer bytes on the uplinks than ${title}`;
  return below >= part ? `Met: ${text} (aim: ${percent}).` : `Missed: ${text}, not ${percent}.`;
}

function verdict(met: boolean, value: number, before: string, after: string, aim: string): string {
  if (Number.isNaN(value)) return `Not measured: ${before} so many ${after}.`;
  const text = `${before} ${value.toFixed(2)} ${after}`;
  return met ? `Met: ${text} (aim: ${aim}).` : `Missed: ${text}, not ${aim}.`;
}

function rows(results: PayloadResults, conditions: Conditions): string[] {
  const { payload, groups, nodes, rounds } = results;
  const bound = lowerBound(payload.megabytes, conditions.uplinkBitsPerSecond);
  const title = `${payload.megabytes} MB to ${nodes} nodes in ${groups} groups`;
  const of = rounds.length === 1 ? 'one round' : `medians of ${rounds.length}`;
  const bytes = payload.megabytes * groups;
  return [
    `${title}, ${of}`,
    line('', ['time', 'submit', '/bound', 'faster', 'MB in', 'MB out', 'CPU s', 'busy %']),
    line('lower bound', [seconds(bound), '', '1.00', '', String(bytes), '0']),
    ...measuredWays(results).map(({ name, title: label }) => line(label, cells(results, name, conditions))),
  ];
}

/** One that failed is there; one that was not asked for is not. */
function measuredWays({ asked }: PayloadResults): readonly Way[] {
  return WAYS.filter(({ name }) => asked.includes(name));
}

function cells(results: PayloadResults, way: WayName, conditions: Conditions): string[] {
  const of = (value: (measured: Measured) => number): number =>
    median(present(results.rounds, way).map(value));
  if (present(results.rounds, way).length === 0) return ['failed'];
  return [
    seconds(of((one) => one.seconds)),
    seconds(of((one) => one.submission)),
    overBound(results, way, conditions).toFixed(2),
    ratio(results.rounds, 'sbcast', way, (one) => one.seconds).toFixed(2),
    of((one) => one.inBytes / 1e6).toFixed(0),
    of((one) => one.outBytes / 1e6).toFixed(0),
    seconds(of((one) => one.processorSeconds)),
    of((one) => one.busy * 100).toFixed(0),
  ];
}

function overBound({ payload, rounds }: PayloadResults, way: WayName, conditions: Conditions): number {
  const bound = lowerBound(payload.megabytes, conditions.uplinkBitsPerSecond);
  return median(present(rounds, way).map((one) => one.seconds / bound));
}

/** Median of the rounds' own ratios, so that what slows a whole round does not show. */
export function ratio(
  rounds: readonly Round[],
  over: WayName,
  under: WayName,
  of: (measured: Measured) => number,
): number {
  return median(
    rounds.flatMap(({ [over]: above, [under]: below }) => (above && below ? [of(above) / of(below)] : [])),
  );
}

function present(rounds: readonly Round[], way: WayName): Measured[] {
  return rounds.flatMap(({ [way]: measured }) => (measured ? [measured] : []));
}

function uplinkBytes({ inBytes, outBytes }: Measured): number {
  return inBytes + outBytes;
}

function seconds(value: number): string {
  return value.toFixed(value < 100 ? 2 : 0);
}

function line(label: string, values: readonly string[]): string {
  return (label.padEnd(LABEL) + values.map((value) => value.padStart(COLUMN)).join('')).trimEnd();
}

function paragraph(text: string): string[] {
  return wrap(text, COLUMNS);
}
