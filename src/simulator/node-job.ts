/**
 * The job at one simulated node, as node/job.ts has it: what comes is verified, kept, and passed on. What a process
 * leaves behind when it is killed is its record.
 */
import type { PlantedNode } from '../topology/planting.js';
import { ChunkSet } from '../store/chunk-set.js';
import { decodeMessage } from '../wire/messages.js';
import type { Deadlines } from './child.js';
import { LOGIN } from './host.js';
import type { LinkEnd, Message, Process, UnitMessage } from './host.js';
import type { Invariants } from './invariants.js';
import type { Network } from './network.js';
import { SimulatedParent, moved } from './parent.js';
import type { LayerState } from './parent.js';
import { SimulatedRelay } from './relay.js';
import { Sharing } from './sharing.js';
import type { SimulatedContents } from './sharing.js';
import type { Shelf } from './shelf.js';

/** What is deployed: its size in units, and in which order chunks go. */
export interface Layer {
  readonly pieceCount: number;
  readonly chunkOrder: readonly number[];
  /** Units that a node has from earlier jobs. */
  kept(node: string): ReadonlySet<number>;
  /** Of a job that is not alone. */
  readonly shared?: {
    readonly job: string;
    readonly contents: SimulatedContents;
    shelf(node: string): Shelf;
  };
}

/** What outlives a process (node/job-record.ts, store/job-store.ts). */
export class Record {
  /** Verified and kept. */
  readonly units: ChunkSet;
  readonly known = new Set<string>();
  /** The store takes so many units. */
  capacity = Infinity;
  /** From the end on there is nothing to restore. */
  discarded = false;

  constructor(
    readonly layer: Layer,
    public epoch: number,
    public subtree: PlantedNode,
  ) {
    this.units = new ChunkSet(layer.pieceCount + layer.chunkOrder.length);
  }

  get hasDocument(): boolean {
    return this.units.firstMissing() >= this.layer.pieceCount;
  }
}

export interface NodeJobContext extends Deadlines {
  readonly process: Process;
  readonly network: Network;
  readonly invariants: Invariants;
  onOver(): void;
}

export class SimulatedNodeJob {
  readonly #parent: SimulatedParent;
  readonly #relay: SimulatedRelay;
  readonly #sharing: Sharing | undefined;
  #failed = false;
  #ending = false;
  #saidComplete = false;
  /** It ends without being told to. */
  hasLeft = false;

  constructor(
    private readonly context: NodeJobContext,
    readonly record: Record,
  ) {
    const { process, network, invariants, recoveryDeadlineMs, repairDelayMs } = context;
    const parent = new SimulatedParent({ process, recoveryDeadlineMs, onLost: () => this.#end(false) });
    this.#parent = parent;
    const { epoch, known, subtree, layer } = record;
    this.#sharing = this.#share();
    this.#relay = new SimulatedRelay(
      {
        ...{ process, invariants, recoveryDeadlineMs, repairDelayMs, epoch },
        known: new Set(known),
        ...{ pieceCount: layer.pieceCount, children: subtree.children },
        ...{ clock: network.events, unitCount: record.units.size },
      },
      {
        connect: (node, done) => network.connect(process, node, done),
        onWanted: (ranges) => parent.want(ranges),
        onEvents: (events, settled) => parent.events(events, settled),
        onDelivered: () => parent.delivered(),
        onKnown: (child) => void known.add(child),
        onStranded: (child) => parent.event('away', child),
        onBack: (child) => parent.event('back', child),
        onSlow: (child) => parent.event('slow', child),
        onLost: (child) => parent.event('lost', child, 'LINK_LOST'),
        onAllGone: () => {
          if (process.isAlive) parent.gone(() => context.onOver());
        },
      },
    );
  }

  /** For who reads a failure. */
  get parentName(): string | undefined {
    return this.#parent.link?.peer;
  }

  start(): void {
    this.#parent.event('begun', this.#name);
    this.#takeKept(0, this.record.layer.pieceCount);
    for (const [from, to] of this.record.units.held(0, this.record.layer.pieceCount))
      for (let piece = from; piece < to; piece++) this.#relay.unitHeld(piece);
    if (this.record.hasDocument) this.context.process.soon(() => this.#open());
    this.#parent.ready(this.#state);
    this.#relay.open();
  }

  /** Of [start, end), what earlier jobs have brought. */
  #takeKept(start: number, end: number): void {
    const kept = this.record.layer.kept(this.#name);
    for (let unit = start; unit < end; unit++) if (kept.has(unit)) this.record.units.add(unit);
  }

  restore(): void {
    const { units, hasDocument, layer } = this.record;
    // Pieces are on disk only when the document is whole.
    if (!hasDocument) for (let piece = 0; piece < layer.pieceCount; piece++) units.delete(piece);
    else {
      for (let piece = 0; piece < layer.pieceCount; piece++) this.#relay.unitHeld(piece);
      this.#open();
    }
    this.#parent.ready(this.#state);
    this.#parent.wait();
    this.#relay.open();
  }

  attach(end: LinkEnd, epoch: number, subtree: PlantedNode): void {
    if (epoch < this.record.epoch) {
      this.#note(() => `${end.peer} is not the parent: epoch ${epoch}, not ${this.record.epoch}`);
      return end.post(moved(this.record.epoch));
    }
    this.#note(() => `${end.peer} is the parent, epoch ${epoch}`);
    this.#parent.attach(end, epoch);
    this.#replant(epoch, subtree);
  }

  want(first: number, count: number): void {
    if (this.#ending) return;
    if (this.#sharing?.isWaiting === true) this.#sharing.hurry(first, count);
    this.#relay.want([first, count]);
  }

  ownsLink(end: LinkEnd): boolean {
    return end === this.#parent.link || this.#relay.ownsLink(end);
  }

  receive(end: LinkEnd, message: Message): void {
    if (end !== this.#parent.link) return this.#relay.receive(end, message);
    if (message['t'] === 'unit') return this.#receiveUnit(end, message as UnitMessage);
    if (message['t'] === 'tree')
      return this.#replant(message['epoch'] as number, message['subtree'] as PlantedNode);
    const settled = this.#parent.channel.accept(message);
    if (!settled) return;
    const decoded = decodeMessage(message);
    if (decoded.t === 'settled') this.#parent.channel.acknowledged(decoded.of, decoded.sequences);
    else if (decoded.t === 'end') this.#end(true);
    else if (decoded.t === 'parted') this.linkClosed(end, false);
    else this.context.invariants.check(false, () => `a parent has sent '${decoded.t}'`);
  }

  linkClosed(end: LinkEnd, final: boolean): void {
    if (end !== this.#parent.link) return this.#relay.linkClosed(end, final);
    this.#note(() => `has lost its parent ${end.peer}${final ? ' for ever' : ''}`);
    this.#parent.linkClosed(final);
  }

  get #name(): string {
    return this.context.process.host.name;
  }

  #note(what: () => string): void {
    this.context.invariants.note(() => `${this.#name} ${what()}`);
  }

  #replant(epoch: number, subtree: PlantedNode): void {
    if (epoch <= this.record.epoch) return;
    this.#note(() => `has below it: ${subtree.children.map(({ name }) => name).join(' ')}, epoch ${epoch}`);
    Object.assign(this.record, { epoch, subtree });
    this.#relay.replant(epoch, subtree.children);
  }

  #receiveUnit(end: LinkEnd, { unit, intact }: UnitMessage): void {
    if (this.#ending || this.#failed) return;
    const { record } = this;
    const { pieceCount } = record.layer;
    if (!intact) return this.#fail('CHUNK_CORRUPT');
    if (record.units.count >= record.capacity) return this.#fail('STORE_FULL');
    this.context.invariants.check(unit < pieceCount || record.hasDocument, () => {
      return `${this.#name} was sent unit ${unit} before the document`;
    });
    const isNew = record.units.add(unit);
    if (isNew) this.context.invariants.arrived(end.peer, this.#name, unit);
    else this.context.invariants.came(this.#name, unit);
    if (isNew || unit < pieceCount) this.#relay.unitHeld(unit);
    if (isNew) this.#sharing?.arrived(unit);
    if (unit < pieceCount && record.hasDocument && !this.#relay.machine.orderKnown) this.#open();
    this.#checkComplete();
  }

  /** The document has been read; what is in the store is announced. */
  #open(): void {
    const { units, layer } = this.record;
    if (this.#ending || this.#relay.machine.orderKnown) return;
    this.#takeKept(layer.pieceCount, units.size);
    this.#sharing?.fill();
    this.#relay.perform(this.#relay.machine.setOrder(layer.chunkOrder));
    for (const chunk of layer.chunkOrder)
      if (units.has(layer.pieceCount + chunk)) this.#relay.unitHeld(layer.pieceCount + chunk);
    this.#sharing?.join();
    if (this.#sharing?.isWaiting !== true) this.#parent.opened();
    else this.#note(() => 'waits for other jobs');
    this.#checkComplete();
  }

  /** What a parent is told (node/layer.ts, stateOf). */
  get #state(): LayerState {
    const { machine } = this.#relay;
    const isOpened = (): boolean => machine.orderKnown && this.#sharing?.isWaiting !== true;
    return {
      held: () => machine.held(),
      wanted: () => machine.wanted(),
      get orderKnown() {
        return isOpened();
      },
    };
  }

  #share(): Sharing | undefined {
    const { pieceCount, shared } = this.record.layer;
    if (!shared) return undefined;
    const { process } = this.context;
    const { job, contents } = shared;
    const shelf = shared.shelf(this.#name);
    return new Sharing(
      { job, contents, shelf, pieceCount, process, units: this.record.units },
      {
        isFedByLogin: () => this.#parent.link?.peer === LOGIN,
        onFound: (units) => {
          for (const unit of units) this.#relay.unitHeld(unit);
          if (!this.#ending && !this.#failed) this.#checkComplete();
        },
        onWanted: (first, count) => this.want(first, count),
        onAlone: () => {
          this.#note(() => 'waits no more for other jobs');
          if (!this.#ending && !this.#failed) this.#parent.opened();
        },
      },
    );
  }

  #checkComplete(): void {
    if (this.#saidComplete || !this.record.units.full) return;
    this.#saidComplete = true;
    this.#note(() => 'is complete');
    this.#parent.event('delivered', this.#name);
  }

  #fail(code: string): void {
    this.#note(() => `fails: ${code}`);
    this.#failed = true;
    this.#parent.event('failed', this.#name, code);
  }

  #end(isOver: boolean): void {
    if (this.#ending) return;
    this.#note(() => 'ends');
    this.#ending = true;
    this.hasLeft = !isOver;
    this.#sharing?.end();
    this.#parent.end();
    this.record.discarded = true;
    if (isOver) this.#relay.end();
    else {
      this.#relay.leave();
      this.#parent.gone(() => this.context.onOver());
    }
  }
}
