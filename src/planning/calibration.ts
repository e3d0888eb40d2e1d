/**
 * From timed transfers to the parameters of the cost model (cost-model.ts, docs/decisions/0021-calibration.md). Pure.
 * Rates are in bytes a second, times in seconds; what trials tell is in microseconds (wire/trial.ts).
 */
import { CHUNK_SIZE_BYTES } from '../base/limits.js';
import type { NetworkCosts } from '../topology/network.js';

/** One value, and where it was measured. */
export interface Sample {
  readonly place: string;
  readonly value: number;
}

export interface Measured {
  /** Of hops, between a parent and its child. */
  readonly roundTrips: readonly Sample[];
  /** From the login node to one proxy node at a time; by group. */
  readonly uplinks: readonly Sample[];
  /** From the login node to all those proxy nodes at once; none when there is one. */
  readonly together?: number;
  /** From a proxy node to that of another group, where the login node's own link may be the narrowest; by group. */
  readonly between: readonly Sample[];
  /** From a proxy node to a slave node of its group; by group. */
  readonly groups: readonly Sample[];
  /** By group; measured at the same place as its `groups`. */
  readonly relays: readonly Relay[];
}

export interface Relay {
  readonly place: string;
  /** From a proxy node's having a unit until it knows that its slave node has it, one unit at a time. */
  readonly seconds: number;
  /** Between these two. */
  readonly roundTrip: number;
}

export type ParameterKey = 'latency' | 'hopCost' | 'loginBandwidth' | 'uplinkBandwidth' | 'groupBandwidth';

export interface Parameter {
  readonly key: ParameterKey;
  /** Seconds, or bytes a second; undefined when there is nothing to tell it from. */
  readonly value: number | undefined;
  readonly samples: readonly Sample[];
  /** Something else was the narrowest place: it is this or more. */
  readonly isLeast: boolean;
}

export interface Calibration {
  readonly parameters: readonly Parameter[];
  /** Places that give far less than others. */
  readonly slow: readonly Slow[];
}

export interface Slow extends Sample {
  readonly what: 'uplink' | 'group' | 'round trip';
  readonly median: number;
}

/** The beginning is left out: slow start, and what shapers let pass at first. */
const WARM_UP = 0.2;
const CONFIRMATIONS_MIN = 4;
/** The login node's link, when it carries so much of what streams reach one by one, is not what bounds them. */
const FILLED = 0.85;
/** When all together are not faster than that against one, each was bounded by the login node's link already. */
const BOUND_BY_LOGIN = 1.3;
/** Of the median: whose rate is lower is named; whose round trip is so many times longer, too. */
const SLOW_RATE = 0.7;
const SLOW_ROUND_TRIP = 4;
const SLOW_ROUND_TRIP_SECONDS = 0.001;
const SLOW_SAMPLES_MIN = 3;

/**
 * Of a stream of units, by its confirmations.
 * @param untilUs those that come later are left out, as long as there are enough: others have ended by then
 */
export function rateOf(got: readonly number[], unitBytes: number, untilUs = Infinity): number | undefined {
  const during = got.filter((time) => time <= untilUs);
  const times = during.length >= 2 * CONFIRMATIONS_MIN ? during : got;
  const end = times.at(-1);
  if (end === undefined || end <= 0) return undefined;
  const warm = times.filter((time) => time >= WARM_UP * end);
  if (warm.length < CONFIRMATIONS_MIN) return (times.length * unitBytes) / (end / 1e6);
  const seconds = (end - (warm[0] as number)) / 1e6;
  return seconds > 0 ? ((warm.length - 1) * unitBytes) / seconds : undefined;
}

/** Of one unit at a time through a relay: from its confirmation by the relay to that by the node below. */
export function relayTime(relay: readonly number[], below: readonly number[]): number | undefined {
  const times = below.map((time, n) => (time - (relay[n] as number)) / 1e6);
  // The first opens windows and files.
  return median(times.length > 1 ? times.slice(1) : times);
}

/** Whether streams from the login node one by one say nothing of the uplinks. */
export function isBoundByLogin({ uplinks, together }: Pick<Measured, 'uplinks' | 'together'>): boolean {
  const one = median(valuesOf(uplinks));
  return together !== undefined && one !== undefined && together < BOUND_BY_LOGIN * one;
}

export function conclude(measured: Measured): Calibration {
  const roundTrip = median(valuesOf(measured.roundTrips));
  const uplinks = bestOf(measured.uplinks, measured.between);
  const group = median(valuesOf(measured.groups));
  const parameters: Parameter[] = [
    {
      key: 'latency',
      value: roundTrip === undefined ? undefined : roundTrip / 2,
      samples: measured.roundTrips.map(({ place, value }) => ({ place, value: value / 2 })),
      isLeast: false,
    },
    hopCost(measured),
    login(measured),
    { key: 'uplinkBandwidth', value: median(valuesOf(uplinks)), samples: uplinks, isLeast: false },
    { key: 'groupBandwidth', value: group, samples: measured.groups, isLeast: false },
  ];
  const slow = [
    ...slowOnes('uplink', uplinks, (value, middle) => value < SLOW_RATE * middle),
    ...slowOnes('group', measured.groups, (value, middle) => value < SLOW_RATE * middle),
    ...slowOnes(
      'round trip',
      measured.roundTrips,
      (value, middle) => value > SLOW_ROUND_TRIP * middle && value - middle > SLOW_ROUND_TRIP_SECONDS,
    ),
  ];
  return { parameters, slow };
}

/** What is left of a relay's time without the way there and back, and without what the bytes take. */
function hopCost({ relays, groups }: Measured): Parameter {
  const samples = relays.flatMap(({ place, seconds, roundTrip }) => {
    const bytesPerSecond = groups.find((group) => group.place === place)?.value;
    if (bytesPerSecond === undefined) return [];
    return [{ place, value: Math.max(0, seconds - roundTrip - CHUNK_SIZE_BYTES / bytesPerSecond) }];
  });
  return { key: 'hopCost', value: median(valuesOf(samples)), samples, isLeast: false };
}

function login({ uplinks, together }: Measured): Parameter {
  const one = median(valuesOf(uplinks));
  const sum = valuesOf(uplinks).reduce((total, value) => total + value, 0);
  const value = together ?? one;
  const samples = value === undefined ? [] : [{ place: `${uplinks.length} streams`, value }];
  const isLeast = together === undefined || together >= FILLED * sum;
  return { key: 'loginBandwidth', value, samples, isLeast };
}

/** By place the larger value. */
function bestOf(...lists: readonly (readonly Sample[])[]): Sample[] {
  const best = new Map<string, number>();
  for (const { place, value } of lists.flat()) best.set(place, Math.max(value, best.get(place) ?? 0));
  return [...best].map(([place, value]) => ({ place, value }));
}

function slowOnes(
  what: Slow['what'],
  samples: readonly Sample[],
  isSlow: (value: number, middle: number) => boolean,
): Slow[] {
  const middle = median(valuesOf(samples));
  if (middle === undefined || samples.length < SLOW_SAMPLES_MIN) return [];
  return samples
    .filter(({ value }) => isSlow(value, middle))
    .map((sample) => ({ ...sample, what, median: middle }));
}

function valuesOf(samples: readonly Sample[]): number[] {
  return samples.map(({ value }) => value);
}

/** Of an even number of values the mean of the two in the middle; undefined of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const high = sorted[half];
  if (high === undefined || sorted.length % 2 === 1) return high;
  return ((sorted[half - 1] as number) + high) / 2;
}

/** The parameters' names in the configuration, and in the program. */
export const PARAMETERS: readonly { readonly key: ParameterKey; readonly field: keyof NetworkCosts }[] = [
  { key: 'latency', field: 'latencySeconds' },
  { key: 'hopCost', field: 'hopCostSeconds' },
  { key: 'loginBandwidth', field: 'loginBytesPerSecond' },
  { key: 'uplinkBandwidth', field: 'uplinkBytesPerSecond' },
  { key: 'groupBandwidth', field: 'groupBytesPerSecond' },
];
