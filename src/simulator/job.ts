/**
 * One job across the simulated cluster, with links and processes of its own: what several jobs do with each other they do on nodes,
 * by what these share.
 */
import type { PlantingOptions } from '../topology/planting.js';
import type { EventQueue } from './events.js';
import { applyFault, isFatal } from './faults.js';
import type { Fault } from './faults.js';
import { LOGIN } from './host.js';
import { Invariants } from './invariants.js';
import { Network } from './network.js';
import { SimulatedNode } from './node.js';
import type { Cluster } from './node.js';
import { SimulatedRoot } from './root.js';
import type { RunOptions } from './options.js';
import { simulatedContents } from './sharing.js';
import type { Shelves } from './shelf.js';

export interface SimulatedJobOptions {
  /** The order in which jobs are submitted. */
  readonly index: number;
  readonly run: RunOptions;
  readonly events: EventQueue;
  readonly random: () => number;
  readonly planting: PlantingOptions;
  readonly chunkOrder: readonly number[];
  /** When there are others. */
  readonly shelves?: Shelves;
  note?(what: () => string): void;
}

export class SimulatedJob {
  readonly root: SimulatedRoot;
  readonly invariants: Invariants;
  readonly network: Network;
  readonly nodes: ReadonlyMap<string, SimulatedNode>;
  readonly #policy: 'stop' | 'continue';
  #mayFail = false;

  constructor(private readonly options: SimulatedJobOptions) {
    const { index, run, events, random, planting, chunkOrder, shelves } = options;
    const names = planting.tree.names.slice(1);
    const job = `job-${index}`;
    const { silenceDeadlineMs, recoveryDeadlineMs, repairDelayMs, pieces: pieceCount } = run;
    const unitCount = pieceCount + run.chunks;
    const note = (what: () => string): void => options.note?.(shelves ? () => `${job}: ${what()}` : what);
    this.invariants = new Invariants({
      ...(shelves ? { job } : {}),
      unitCount,
      groupOf: (node) => planting.groupOf(node),
      ...(options.note ? { note } : {}),
    });
    this.network = new Network(events, { random, silenceDeadlineMs, watch: this.invariants });
    const keptBy = new Map(names.map((name) => [name, keptUnits(unitCount, run.keptShare, random)]));
    const shared = shelves && {
      job,
      contents: simulatedContents(index, run.chunks, run.sameShare, random),
      shelf: (node: string) => shelves.of(node),
    };
    const kept = (node: string): ReadonlySet<number> => keptBy.get(node) ?? new Set();
    const layer = { pieceCount, chunkOrder, kept, ...(shared ? { shared } : {}) };
    const onDeath = (node: string): void => shelves?.forget(node);
    const { network, invariants } = this;
    const cluster: Cluster = { network, invariants, layer, recoveryDeadlineMs, repairDelayMs, onDeath };
    this.nodes = new Map(names.map((name) => [name, new SimulatedNode(name, cluster)]));
    for (const node of this.nodes.values()) this.invariants.watch(node);
    this.#policy = random() < run.stopShare ? 'stop' : 'continue';
    this.root = new SimulatedRoot(
      LOGIN,
      planting,
      { policy: this.#policy, passesSlow: run.passesSlow },
      cluster,
    );
  }

  start(): void {
    this.root.start();
  }

  cancel(): void {
    this.#mayFail = true;
    this.root.cancel();
  }

  strike(fault: Fault): void {
    const { run } = this.options;
    this.#mayFail ||= isFatal(fault);
    applyFault(fault, { network: this.network, nodes: this.nodes, unitCount: run.pieces + run.chunks });
  }

  /** Nothing will happen any more. @throws Violation */
  finished(faults: number): void {
    this.invariants.finished(this.root, faults, this.#mayFail || this.#policy === 'stop');
  }
}

function keptUnits(count: number, share: number, random: () => number): Set<number> {
  const units = Array.from({ length: share > 0 ? count : 0 }, (_, unit) => unit);
  return new Set(units.filter(() => random() < share));
}
