/**
 * `tees calibrate`: the parameters of the cost model, measured by timed transfers over the links that jobs use
 * (docs/decisions/0021-calibration.md). One after the other, because two at a time would measure each other.
 */
import type { Clock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { TRIAL_UNITS_MAX, TRIAL_WINDOW_UNITS } from '../base/limits.js';
import type { Config } from '../config/config.js';
import { PARAMETERS, conclude, isBoundByLogin, rateOf, relayTime } from '../planning/calibration.js';
import type { Measured, Sample } from '../planning/calibration.js';
import type { Group } from '../topology/cluster.js';
import { foldHostlist } from '../topology/hostlist.js';
import type { Trials } from '../transport/trials.js';
import type { CalibrationFacts } from '../wire/calibrate-question.js';
import type { Subtree } from '../wire/job.js';
import type { ProbeFacts } from '../wire/probe-question.js';
import { TRIAL_UNIT_BYTES } from '../wire/trial.js';
import type { TrialPlan, TrialTimes } from '../wire/trial.js';
import type { Prober } from './probing.js';

export interface CalibratorContext {
  config(): Config;
  readonly prober: Prober;
  readonly trials: Trials;
  readonly clock: Clock;
  /** Jobs that run now. */
  jobCount(): number;
  /** What trees are planned with holds anew as the configuration's file has it. @throws TeesError */
  useAnew(): Config['network'];
}

export interface CalibrateOptions {
  readonly nodes?: string;
  readonly durationMs: number;
  readonly signal: AbortSignal;
  doing(text: string): void;
}

/** So many groups are measured, of more those that lie evenly among them. */
const GROUPS_MAX = 8;
/** Of them those whose inside, and whose relaying, is measured. */
const INNER_GROUPS_MAX = 4;
/** One by one, through a relay. */
const RELAYED_UNITS = 40;
const PROBE_TIMEOUT_MS = 3_000;

export class Calibrator {
  #isBusy = false;

  constructor(private readonly context: CalibratorContext) {}

  /** @throws TeesError of the node list; CALIBRATION_BUSY, CALIBRATION_FAILED */
  async calibrate(options: CalibrateOptions): Promise<CalibrationFacts> {
    if (this.#isBusy)
      throw new TeesError('CALIBRATION_BUSY', 'the network is being measured already', {
        hint: 'Two at a time would measure each other. Wait for the other one.',
      });
    this.#isBusy = true;
    try {
      return await new Calibrating(this.context, options).facts();
    } finally {
      this.#isBusy = false;
    }
  }

  /** @returns the file that was read @throws TeesError of the configuration */
  useAnew(): string {
    this.context.useAnew();
    return this.context.config().file;
  }
}

class Calibrating {
  readonly #config: Config;
  readonly #remarks: string[] = [];
  readonly #stream: TrialPlan;

  constructor(
    private readonly context: CalibratorContext,
    private readonly options: CalibrateOptions,
  ) {
    this.#config = context.config();
    const { durationMs } = options;
    this.#stream = { window: TRIAL_WINDOW_UNITS, unitsMax: TRIAL_UNITS_MAX, durationMs };
  }

  async facts(): Promise<CalibrationFacts> {
    const { clock } = this.context;
    const startMs = clock.nowMs();
    const jobs = this.context.jobCount();
    if (jobs > 0) this.#remarks.push(`${jobs} jobs were running: the figures are lower for it`);
    const all = this.#usable(await this.#probeAll());
    const groups = evenly(all, GROUPS_MAX);
    const inner = evenly(
      groups.filter(({ slaves }) => slaves.length > 0),
      INNER_GROUPS_MAX,
    );
    if (inner.length === 0)
      this.#remarks.push(
        'no group has a slave node that answers: groupBandwidth and hopCost stay as they are',
      );
    const roundTrips = await this.#roundTrips(groups);
    const uplinks = await this.#each('uplink', groups, (group) => this.#uplink(group));
    const together = groups.length > 1 ? await this.#together(groups) : undefined;
    if (together === undefined)
      this.#remarks.push('with one group the login link and the uplink cannot be told apart');
    const streams = { uplinks, ...(together === undefined ? {} : { together }) };
    const between = isBoundByLogin(streams) ? await this.#between(groups) : [];
    const within = await this.#each('group', inner, (group) => this.#within(group));
    const relays = await this.#each('relay', inner, (group) => this.#relay(group));
    const relayed = relays.flatMap(({ place, value }) => {
      const { proxy, slaves } = inner.find(({ name }) => name === place) as Group;
      const hop = roundTrips.find((each) => each.place === placeOf(proxy, slaves[0] as string));
      return hop ? [{ place, seconds: value, roundTrip: hop.value }] : [];
    });
    return {
      ...this.#conclude({ ...streams, roundTrips, between, groups: within, relays: relayed }),
      remarks: this.#remarks,
      groups: { measured: groups.length, of: all.length },
      took: Math.round(clock.nowMs() - startMs) / 1000,
      file: this.#config.file,
    };
  }

  #conclude(measured: Measured): Pick<CalibrationFacts, 'parameters' | 'slow'> {
    const { parameters, slow } = conclude(measured);
    const facts = PARAMETERS.map(({ key, field }) => {
      const found = parameters.find((each) => each.key === key);
      const value = found?.value === undefined ? {} : { measured: found.value };
      const { samples = [], isLeast = false } = found ?? {};
      return { key, configured: this.#config.network[field], ...value, isLeast, samples };
    });
    return { parameters: facts, slow };
  }

  #probeAll(): Promise<ProbeFacts> {
    this.options.doing('who answers');
    const { groups } = this.#config.cluster;
    const names = groups.flatMap(({ proxy, slaves }) => [proxy, ...slaves]);
    return this.#probe(this.options.nodes ?? foldHostlist(names));
  }

  #probe(nodes: string): Promise<ProbeFacts> {
    const request = { nodes, timeoutMs: PROBE_TIMEOUT_MS, method: 'p2p', bytes: 0 };
    return this.context.prober.probe(request, this.options.signal);
  }

  /** A hop or two at a time: when all nodes answer at once, processors are what is measured. */
  async #roundTrips(groups: readonly Group[]): Promise<Sample[]> {
    const samples: Sample[] = [];
    this.options.doing('round trips');
    for (const { proxy, slaves } of groups) {
      const { hops } = await this.#probe([proxy, ...slaves.slice(0, 1)].join(','));
      for (const { parent, node, roundTrip } of hops)
        samples.push({ place: placeOf(parent, node), value: roundTrip.min });
    }
    return samples;
  }

  /** Groups whose proxy node answers, with those of their slave nodes that do. */
  #usable({ hops, failures }: ProbeFacts): Group[] {
    const answering = new Set(hops.map(({ node }) => node));
    const groups = this.#config.cluster.groups
      .filter(({ proxy }) => answering.has(proxy))
      .map((group) => ({ ...group, slaves: group.slaves.filter((slave) => answering.has(slave)) }));
    for (const { path, reason } of failures)
      this.#remarks.push(`${path.join(' → ')} does not answer (${reason}): see tees probe`);
    if (groups.length === 0)
      throw new TeesError('CALIBRATION_FAILED', 'no proxy node among these nodes answers', {
        hint: 'See: tees probe --nodes LIST. Without proxy nodes there is nothing to measure.',
      });
    return groups;
  }

  /** A place where it fails is left out, and named. */
  async #each(
    what: string,
    groups: readonly Group[],
    measure: (group: Group) => Promise<number | undefined>,
  ): Promise<Sample[]> {
    const samples: Sample[] = [];
    for (const group of groups) {
      if (this.options.signal.aborted) throw this.options.signal.reason as Error;
      try {
        const value = await measure(group);
        if (value !== undefined) samples.push({ place: group.name, value });
      } catch (thrown) {
        const { code, message } = TeesError.from(thrown, 'INTERNAL');
        this.#remarks.push(`${what} of ${group.name} was not measured: ${code}: ${message}`);
      }
    }
    return samples;
  }

  async #uplink({ name, proxy }: Group): Promise<number | undefined> {
    this.options.doing(`uplink of ${name}: login → ${proxy}`);
    return this.#rate(await this.context.trials.run([leaf(proxy)], this.#stream, this.options.signal), proxy);
  }

  async #together(groups: readonly Group[]): Promise<number | undefined> {
    this.options.doing(`login link: to ${groups.length} groups at once`);
    const proxies = groups.map(({ proxy }) => proxy);
    const [sum] = await this.#each('login link', [groups[0] as Group], async () => {
      const { trials } = this.context;
      const times = await trials.run(proxies.map(leaf), this.#stream, this.options.signal);
      return proxies.reduce((total, proxy) => total + (this.#rate(times, proxy) ?? 0), 0);
    });
    return sum?.value;
  }

  /** Past the login node: in a ring, so that each uplink is measured inwards. */
  #between(groups: readonly Group[]): Promise<Sample[]> {
    return this.#each('uplink', groups, async ({ name, proxy }) => {
      const before = groups[(groups.findIndex((each) => each.name === name) || groups.length) - 1] as Group;
      this.options.doing(`uplink of ${name}: ${before.proxy} → ${proxy}`);
      return this.#rate(await this.#at(before.proxy, leaf(proxy)), proxy);
    });
  }

  async #within({ name, proxy, slaves }: Group): Promise<number | undefined> {
    const slave = slaves[0] as string;
    this.options.doing(`group ${name}: ${proxy} → ${slave}`);
    return this.#rate(await this.#at(proxy, leaf(slave)), slave);
  }

  #at(source: string, child: Subtree): Promise<TrialTimes[]> {
    return this.context.trials.runAt(
      { ...leaf(source), children: [child] },
      this.#stream,
      this.options.signal,
    );
  }

  async #relay({ name, proxy, slaves }: Group): Promise<number | undefined> {
    const slave = slaves[0] as string;
    this.options.doing(`relay in ${name}: login → ${proxy} → ${slave}`);
    const chain = { ...leaf(proxy), children: [leaf(slave)] };
    const plan = { ...this.#stream, window: 1, unitsMax: RELAYED_UNITS };
    const times = await this.context.trials.run([chain], plan, this.options.signal);
    return relayTime(gotOf(times, proxy), gotOf(times, slave));
  }

  #rate(times: readonly TrialTimes[], node: string): number | undefined {
    return rateOf(gotOf(times, node), TRIAL_UNIT_BYTES, this.options.durationMs * 1000);
  }
}

function gotOf(times: readonly TrialTimes[], node: string): readonly number[] {
  return times.find((each) => each.node === node)?.got ?? [];
}

function placeOf(parent: string, node: string): string {
  return `${parent} → ${node}`;
}

function leaf(name: string): Subtree {
  return { name, runs: true, known: true, children: [] };
}

/** At most so many, from the first to the last. */
function evenly<Item>(items: readonly Item[], max: number): Item[] {
  if (items.length <= max) return [...items];
  return Array.from(
    { length: max },
    (_, i) => items[Math.round((i * (items.length - 1)) / (max - 1))] as Item,
  );
}
