/** One run: everything in it follows from its seed and options. */
import { makeCluster } from '../topology/cluster.js';
import { seededRandom, shuffle } from '../topology/random.js';
import type { PlantingOptions } from '../topology/planting.js';
import { buildTree } from '../topology/strategies.js';
import { EventQueue } from './events.js';
import { FAULT_KINDS, isFatal, planFaults } from './faults.js';
import type { Fault, FaultKind } from './faults.js';
import { LOGIN } from './host.js';
import { Violation } from './invariants.js';
import { SimulatedJob } from './job.js';
import { Shelves } from './shelf.js';

export interface RunOptions {
  readonly seed: number;
  readonly nodes: number;
  /** On the same nodes, at the same time. */
  readonly jobs: number;
  /** Of the contents of a layer: those that the others have, too. */
  readonly sameShare: number;
  /** Of what a node has by one job: what another one does not find all the same. */
  readonly misplacedShare: number;
  /** Of several jobs: those that have other nodes than the first, or another tree. */
  readonly otherTreeShare: number;
  /** Of several jobs: those that their users cancel. */
  readonly cancelShare: number;
  readonly groupSize: number;
  readonly width: number;
  readonly pieces: number;
  readonly chunks: number;
  /** Of the units, so many a node has from earlier jobs; another choice on each. */
  readonly keptShare: number;
  readonly faults: number;
  readonly kinds: readonly FaultKind[];
  /** Whether relays that are slow are passed by. */
  readonly passesSlow: boolean;
  /** Of the seeds: those of jobs that a lost node ends. */
  readonly stopShare: number;
  /** Of the seeds: those with faults that end the job. */
  readonly fatalShare: number;
  readonly recoveryDeadlineMs: number;
  readonly repairDelayMs: number;
  readonly silenceDeadlineMs: number;
}

export interface RunResult {
  readonly options: RunOptions;
  /** Undefined: all invariants held. */
  readonly violation: string | undefined;
  readonly faults: readonly Fault[];
  /** Why the job was ended, when a fault does that. */
  readonly failure: string | undefined;
  readonly lost: number;
  readonly virtualMs: number;
  readonly events: number;
  /** How often a unit has come into a group from outside. */
  readonly entries: { readonly most: number; readonly least: number };
  /** Units that nodes have got by links. */
  readonly arrived: number;
  readonly queuedMost: number;
  readonly replanted: number;
  /** When each node had everything, as the login node has heard, in virtual milliseconds. */
  readonly completeMs: ReadonlyMap<string, number>;
}

/** Nobody waits for longer: far more than all deadlines of all levels together. */
const VIRTUAL_MAX_MS = 3_600_000;
const EVENTS_PER_UNIT_MAX = 200;
const FAULTS_WITHIN_MS = 4000;
const SUBMITTED_APART_MS = 2000;
const CANCELLED_WITHIN_MS = 3000;
/** Of the seeds: those with several jobs. */
const SEVERAL_SHARE = 0.35;
const JOBS_MAX = 4;

/** What a seed makes of what is not given. */
export function runOptions(seed: number, given: Partial<RunOptions> = {}): RunOptions {
  const random = seededRandom(seed ^ 0x5eed);
  const below = (n: number): number => Math.floor(random() * n);
  const groupSize = 1 + below(12);
  return {
    seed,
    nodes: 2 + below(60),
    groupSize,
    width: 1 + below(15),
    pieces: 1 + below(3),
    chunks: below(60),
    keptShare: random() < 0.5 ? 0 : random(),
    faults: below(8),
    kinds: FAULT_KINDS,
    passesSlow: true,
    stopShare: 0.15,
    fatalShare: 0.1,
    recoveryDeadlineMs: 10_000,
    repairDelayMs: 2_000,
    silenceDeadlineMs: random() < 0.5 ? 15_000 : 4_000,
    jobs: random() < SEVERAL_SHARE ? 2 + below(JOBS_MAX - 1) : 1,
    sameShare: random() < 0.6 ? 1 : random(),
    misplacedShare: random() < 0.7 ? 0 : 0.01,
    otherTreeShare: random() < 0.3 ? 0 : 0.7,
    cancelShare: random() < 0.5 ? 0 : 0.3,
    ...given,
  };
}

/** @param trace is told what happens, moment by moment */
export function simulate(options: RunOptions, trace?: (line: string) => void): RunResult {
  const random = seededRandom(options.seed);
  const groups = groupsOf(options);
  const unitCount = options.pieces + options.chunks;
  const events = new EventQueue();
  const note = (what: () => string): void =>
    trace?.(`${events.nowMs().toFixed(1).padStart(10)} ms  ${what()}`);
  const chunkOrder = shuffle(
    Array.from({ length: options.chunks }, (_, chunk) => chunk),
    options.seed,
  );
  const shelves = options.jobs > 1 ? { shelves: new Shelves(random, options.misplacedShare) } : {};
  const field = { run: options, events, random, chunkOrder, ...shelves, ...(trace ? { note } : {}) };
  const jobs = Array.from({ length: options.jobs }, (_, index) => {
    const mine = index > 0 && random() < options.otherTreeShare ? otherGroups(groups, random) : groups;
    return new SimulatedJob({
      ...field,
      index,
      planting: plantingOf(mine, options.width),
      names: mine.flat(),
    });
  });
  const faults = planFaults({
    ...{ random, groups, count: options.faults, kinds: options.kinds, withinMs: FAULTS_WITHIN_MS },
    fatal: random() < options.fatalShare,
  });
  for (const fault of faults)
    events.at(fault.atMs, () => {
      note(() => `fault: ${fault.kind} ${fault.nodes.join(',')} for ${fault.durationMs.toFixed(0)} ms`);
      // What ends a job ends one of them.
      const struck = isFatal(fault) ? [jobs[Math.floor(fault.choice * jobs.length)]] : jobs;
      for (const job of struck) job?.strike(fault);
    });
  let violation: string | undefined;
  try {
    submit(jobs, events, options, random);
    runOut(events, jobs, unitCount * jobs.length * groups.flat().length);
    for (const job of jobs) job.finished(faults.length);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    violation = error instanceof Violation ? error.message : (error.stack ?? error.message);
  }
  return { options, violation, faults, virtualMs: events.nowMs(), events: events.happened, ...outcome(jobs) };
}

/** The first at once, others later; and of these some end early. */
function submit(
  [first, ...others]: readonly SimulatedJob[],
  events: EventQueue,
  { cancelShare }: RunOptions,
  random: () => number,
): void {
  let atMs = 0;
  for (const job of others) {
    events.at((atMs += SUBMITTED_APART_MS * random() ** 3), () => job.start());
    if (random() < cancelShare) events.at(atMs + CANCELLED_WITHIN_MS * random(), () => job.cancel());
  }
  first?.start();
  if (others.length > 0 && random() < cancelShare)
    events.at(CANCELLED_WITHIN_MS * random(), () => first?.cancel());
}

/** Of several jobs the worst; when nodes had everything, of the first. */
function outcome(
  jobs: readonly SimulatedJob[],
): Pick<RunResult, 'failure' | 'lost' | 'entries' | 'arrived' | 'queuedMost' | 'replanted' | 'completeMs'> {
  const seen = jobs.map(({ invariants }) => invariants);
  return {
    failure: jobs.find(({ root }) => root.failure !== undefined)?.root.failure,
    lost: Math.max(...jobs.map(({ root }) => root.lost.length)),
    entries: {
      most: Math.max(...seen.map(({ entries }) => entries.most)),
      least: Math.min(...seen.map(({ entries }) => entries.least)),
    },
    arrived: seen.reduce((sum, { unitsArrived }) => sum + unitsArrived, 0),
    queuedMost: Math.max(...seen.map(({ queuedMost }) => queuedMost)),
    replanted: Math.max(...seen.map(({ replanted }) => replanted)),
    completeMs: jobs[0]?.root.complete ?? new Map(),
  };
}

function runOut(events: EventQueue, jobs: readonly SimulatedJob[], units: number): void {
  const eventsMax = 100_000 * jobs.length + EVENTS_PER_UNIT_MAX * units;
  while (events.step())
    if (events.nowMs() >= VIRTUAL_MAX_MS || events.happened >= eventsMax)
      throw new Violation(`it does not end: ${events.happened} events, ${events.nowMs()} ms`);
}

function groupsOf({ nodes, groupSize }: RunOptions): string[][] {
  const names = Array.from({ length: nodes }, (_, index) => `n${index}`);
  const groups: string[][] = [];
  for (let start = 0; start < nodes; start += groupSize) groups.push(names.slice(start, start + groupSize));
  return groups;
}

/** Some of their nodes, others on top: who waits for another job on one node is waited for by it on another. */
function otherGroups(groups: readonly (readonly string[])[], random: () => number): string[][] {
  const some = groups.map((names) => {
    const mine = random() < 0.5 ? [...names] : names.filter(() => random() < 0.7);
    return shuffle(mine, Math.floor(random() * 2 ** 31));
  });
  const others = some.filter((names) => names.length > 0);
  return others.length > 0 ? others : [[...(groups[0] as readonly string[])]];
}

function plantingOf(groups: readonly (readonly string[])[], width: number): PlantingOptions {
  const described = groups.map(([proxy, ...slaves], index) => ({
    ...{ name: `g${index}`, proxy: proxy as string, slaves },
  }));
  const cluster = makeCluster({ name: 'simulated', login: LOGIN, groups: described });
  const groupByNode = new Map(groups.flatMap((names, index) => names.map((name) => [name, `g${index}`])));
  const proxies = new Set(groups.map(([proxy]) => proxy));
  return {
    tree: buildTree('topology-aware', { cluster, nodes: groups.flat(), width, isIdle: () => true }),
    width,
    groupOf: (node) => groupByNode.get(node) ?? '',
    isProxy: (node) => proxies.has(node),
  };
}
