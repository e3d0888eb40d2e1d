/** One run: everything in it follows from its seed and options. */
import { makeCluster } from '../topology/cluster.js';
import { seededRandom, shuffle } from '../topology/random.js';
import type { PlantingOptions } from '../topology/planting.js';
import { buildTree } from '../topology/strategies.js';
import { EventQueue } from './events.js';
import { isFatal, planFaults } from './faults.js';
import type { Fault } from './faults.js';
import { LOGIN } from './host.js';
import { Violation } from './invariants.js';
import { SimulatedJob } from './job.js';
import type { RunOptions } from './options.js';
import { Shelves } from './shelf.js';

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
    return new SimulatedJob({ ...field, index, planting: plantingOf(mine, options.width) });
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
