/** One run: everything in it follows from its seed and options. */
import { makeCluster } from '../topology/cluster.js';
import { seededRandom, shuffle } from '../topology/random.js';
import { buildTree } from '../topology/strategies.js';
import { EventQueue } from './events.js';
import { FAULT_KINDS, applyFault, isFatal, planFaults } from './faults.js';
import type { Fault, FaultKind } from './faults.js';
import { Invariants, Violation } from './invariants.js';
import { Network } from './network.js';
import { SimulatedNode } from './node.js';
import type { Cluster } from './node.js';
import { SimulatedRoot } from './root.js';

export interface RunOptions {
  readonly seed: number;
  readonly nodes: number;
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
  readonly queuedMost: number;
  readonly replanted: number;
  /** When each node had everything, as the login node has heard, in virtual milliseconds. */
  readonly completeMs: ReadonlyMap<string, number>;
}

const LOGIN = 'login';
/** Nobody waits for longer: far more than all deadlines of all levels together. */
const VIRTUAL_MAX_MS = 3_600_000;
const EVENTS_PER_UNIT_MAX = 200;
const FAULTS_WITHIN_MS = 4000;

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
    ...given,
  };
}

/** @param trace is told what happens, moment by moment */
export function simulate(options: RunOptions, trace?: (line: string) => void): RunResult {
  const random = seededRandom(options.seed);
  const groups = groupsOf(options);
  const unitCount = options.pieces + options.chunks;
  const groupByNode = new Map(groups.flatMap((names, index) => names.map((name) => [name, `g${index}`])));
  const groupOf = (node: string): string => groupByNode.get(node) ?? '';
  const events = new EventQueue();
  const note = (what: () => string): void =>
    trace?.(`${events.nowMs().toFixed(1).padStart(10)} ms  ${what()}`);
  const invariants = new Invariants({ unitCount, groupOf, ...(trace ? { note } : {}) });
  const { silenceDeadlineMs, recoveryDeadlineMs, repairDelayMs, width } = options;
  const network = new Network(events, { random, silenceDeadlineMs, watch: invariants });
  const chunkOrder = shuffle(
    Array.from({ length: options.chunks }, (_, chunk) => chunk),
    options.seed,
  );
  const keptBy = new Map(
    groups.flat().map((name) => [name, keptUnits(unitCount, options.keptShare, random)]),
  );
  const kept = (node: string): ReadonlySet<number> => keptBy.get(node) ?? new Set();
  const layer = { pieceCount: options.pieces, chunkOrder, kept };
  const cluster: Cluster = { network, invariants, layer, recoveryDeadlineMs, repairDelayMs };
  const nodes = new Map(groups.flat().map((name) => [name, new SimulatedNode(name, cluster)]));
  for (const node of nodes.values()) invariants.watch(node);
  const proxies = new Set(groups.map(([proxy]) => proxy));
  const planting = {
    tree: treeOf(groups, width),
    width,
    groupOf,
    isProxy: (name: string) => proxies.has(name),
  };
  const policy = random() < options.stopShare ? 'stop' : 'continue';
  const root = new SimulatedRoot(LOGIN, planting, { policy, passesSlow: options.passesSlow }, cluster);
  const faults = planFaults({
    ...{ random, groups, count: options.faults, kinds: options.kinds, withinMs: FAULTS_WITHIN_MS },
    fatal: random() < options.fatalShare,
  });
  const field = { network, nodes, unitCount };
  for (const fault of faults)
    events.at(fault.atMs, () => {
      invariants.note(
        () => `fault: ${fault.kind} ${fault.nodes.join(',')} for ${fault.durationMs.toFixed(0)} ms`,
      );
      applyFault(fault, field);
    });
  let violation: string | undefined;
  try {
    root.start();
    runOut(events, invariants, unitCount * nodes.size);
    invariants.finished(root, faults.length, policy === 'stop' || faults.some(isFatal));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    violation = error instanceof Violation ? error.message : (error.stack ?? error.message);
  }
  const { entries, queuedMost, replanted } = invariants;
  return {
    ...{ options, violation, faults, failure: root.failure, lost: root.lost.length },
    ...{ virtualMs: events.nowMs(), events: events.happened, entries, queuedMost, replanted },
    completeMs: root.complete,
  };
}

function keptUnits(count: number, share: number, random: () => number): Set<number> {
  const units = Array.from({ length: share > 0 ? count : 0 }, (_, unit) => unit);
  return new Set(units.filter(() => random() < share));
}

function runOut(events: EventQueue, invariants: Invariants, units: number): void {
  const eventsMax = 100_000 + EVENTS_PER_UNIT_MAX * units;
  while (events.step()) {
    const isBounded = events.nowMs() < VIRTUAL_MAX_MS && events.happened < eventsMax;
    invariants.check(isBounded, () => `it does not end: ${events.happened} events, ${events.nowMs()} ms`);
  }
}

function groupsOf({ nodes, groupSize }: RunOptions): string[][] {
  const names = Array.from({ length: nodes }, (_, index) => `n${index}`);
  const groups: string[][] = [];
  for (let start = 0; start < nodes; start += groupSize) groups.push(names.slice(start, start + groupSize));
  return groups;
}

function treeOf(groups: readonly (readonly string[])[], width: number): ReturnType<typeof buildTree> {
  const described = groups.map(([proxy, ...slaves], index) => ({
    ...{ name: `g${index}`, proxy: proxy as string, slaves },
  }));
  const cluster = makeCluster({ name: 'simulated', login: LOGIN, groups: described });
  return buildTree('topology-aware', { cluster, nodes: groups.flat(), width, isIdle: () => true });
}
