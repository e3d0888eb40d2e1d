/**
 * The layer of one job on one node as it arrives: the document, then chunks. Each unit is verified and kept, and is
 * announced from then on; what an earlier daemon had kept, or earlier jobs have brought, is found again.
 */
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { ALONE_AFTER_MS } from '../base/limits.js';
import type { Manifest } from '../image/manifest.js';
import { Arrivals } from '../store/arrivals.js';
import type { JobContents } from '../store/job-contents.js';
import type { JobStore } from '../store/job-store.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import type { JobSpec } from '../wire/job.js';
import { Cargo } from './cargo.js';
import type { NodeJobContext } from './job-context.js';
import type { JobRecord } from './job-record.js';
import type { Arrived } from './milestones.js';
import type { LayerState } from './parent.js';
import { ShippingDocument } from './shipping-document.js';

export interface NodeLayerPort {
  openStore(manifest: Manifest, arrivals: Arrivals): Promise<JobStore>;
  /** The order of sending is known. */
  onOrder(chunks: readonly number[], urgentCount: number): void;
  /** A unit is here and verified. */
  onHeld(unit: number): void;
  /** Somebody on this node waits for these chunks. */
  onBlocked(firstChunk: number, count: number): void;
  /** The last who has waited for a content goes on. */
  onReleased(content: number, path: string, seconds: number): void;
  /** The document has been read, and what was found on this node has been announced. */
  onOpened(manifest: Manifest): void;
  /** What is missing was on its way for other jobs on this node (`isWaiting`), and is so no more. */
  onAlone(): void;
  /** That has brought something. */
  onFound(): void;
  onFailed(error: TeesError): void;
  /** The login node is the parent. */
  isFedByLogin(): boolean;
}

export class NodeLayer {
  readonly pieceCount: number;
  readonly #document: ShippingDocument;
  #cargo: Cargo | undefined;
  #store: JobStore | undefined;
  #shared: JobContents | undefined;
  #watch: NodeJS.Timeout | undefined;
  #opening: Promise<void> | undefined;
  #reusedBytes = 0;

  constructor(
    private readonly spec: JobSpec,
    private readonly record: JobRecord,
    private readonly context: Pick<NodeJobContext, 'cache' | 'capacity'>,
    private readonly port: NodeLayerPort,
  ) {
    this.#document = new ShippingDocument(spec.documentLengths, spec.documentDigests);
    this.pieceCount = this.#document.pieceCount;
  }

  /** What has arrived; undefined before the document has been read. */
  get cargo(): Cargo | undefined {
    return this.#store && this.#cargo;
  }

  get complete(): boolean {
    return this.#store?.complete ?? false;
  }

  /** What the node's tasks need is here, whoever is lost: a node that only relays has no task that would end. */
  get staysByItself(): boolean {
    return this.spec.resident !== undefined && this.spec.subtree.runs && this.complete;
  }

  get bytesHeld(): number {
    return this.#store?.bytesHeld ?? 0;
  }

  /** With what is growing elsewhere on this node, so that it shows that something moves. */
  get arrived(): Arrived | undefined {
    const { cargo } = this;
    if (!cargo) return undefined;
    const { urgentIsHere, urgentBytes, hystereticBytes } = cargo;
    return { urgentIsHere, urgentBytes, hystereticBytes: hystereticBytes + this.#bytesOnTheWay };
  }

  /** What a parent is told: what comes for other jobs on this node is not asked for. */
  stateOf(machine: LayerState): LayerState {
    const isOpened = (): boolean => machine.orderKnown && !this.isWaiting;
    return {
      held: () => machine.held(),
      wanted: () => machine.wanted(),
      get orderKnown() {
        return isOpened();
      },
    };
  }

  /** All that is missing is on its way for other jobs on this node: it need not be sent once more. */
  get isWaiting(): boolean {
    return this.#shared?.isWaiting ?? false;
  }

  get #bytesOnTheWay(): number {
    return this.#shared?.bytesOnTheWay ?? 0;
  }

  /** Room on this node. @throws TeesError STORE_FULL */
  reserve(): void {
    const { job, contentBytes } = this.spec;
    this.context.capacity.reserve(job, contentBytes, () => this.#sharedBytes);
  }

  /** Bytes that other jobs on this node may use, too. */
  get #sharedBytes(): number {
    return this.#shared?.sharedBytes ?? 0;
  }

  /** Bytes that need not be sent, because they were on this node before the job came. */
  get reusedBytes(): number {
    return this.#reusedBytes;
  }

  /** What earlier jobs have brought of the document. Resolves when it has been opened, if it is all here. */
  async begin(): Promise<void> {
    for (let piece = 0; piece < this.pieceCount; piece++) {
      const bytes = this.context.cache.read(this.#document.digest(piece));
      if (!bytes || !this.#document.put(piece, bytes)) continue;
      this.#reusedBytes += bytes.length;
      this.port.onHeld(piece);
    }
    if (this.#document.isWhole) await (this.#opening = this.#keepAndOpen());
  }

  /** What an earlier daemon had kept. */
  async restore(): Promise<void> {
    await this.#restore().finally(() => {
      const { job, contentBytes } = this.spec;
      const ownBytes = this.bytesHeld - (this.#shared?.usedBytes ?? 0);
      this.context.capacity.keep(job, contentBytes, ownBytes, () => this.#sharedBytes);
    });
  }

  async #restore(): Promise<void> {
    const bytes = this.record.document();
    if (!bytes || !this.#document.restore(bytes)) return;
    for (let piece = 0; piece < this.pieceCount; piece++) this.port.onHeld(piece);
    this.#opening = this.#open();
    await this.#opening;
  }

  /** @throws TeesError CHUNK_CORRUPT, MANIFEST_INVALID, MESSAGE_INVALID, STORE_FULL, STORE_FAILED */
  async receive(unit: number, body: Buffer): Promise<void> {
    if (unit < this.pieceCount) {
      const isNew = this.#document.put(unit, body);
      chunkBuffers.release(body);
      if (isNew) this.port.onHeld(unit);
      if (isNew && this.#document.isWhole) this.#opening = this.#keepAndOpen();
      return this.#opening;
    }
    // It may come by another link than the document's last piece.
    await this.#opening;
    if (!this.#store) throw new TeesError('MESSAGE_INVALID', 'a chunk came before the manifest');
    const chunk = unit - this.pieceCount;
    if (chunk >= this.#store.held.size) throw new TeesError('MESSAGE_INVALID', `there is no unit ${unit}`);
    const outcome = await this.#store.put(chunk, body);
    // Whom it is passed on to gets it from the store, which has it in memory for a while.
    chunkBuffers.release(body);
    if (outcome === 'stored') this.#held(chunk);
  }

  /** A unit that is held. */
  async read(unit: number): Promise<Buffer> {
    if (unit < this.pieceCount) return this.#document.piece(unit);
    return (this.#store as JobStore).get(unit - this.pieceCount);
  }

  async #keepAndOpen(): Promise<void> {
    await this.record.keepDocument(this.#document.bytes);
    await this.#open();
    for (let piece = 0; piece < this.pieceCount; piece++)
      this.context.cache.write(this.#document.digest(piece), this.#document.piece(piece));
  }

  async #open(): Promise<void> {
    const shipment = this.#document.open(this.spec.contentBytes);
    const { manifest } = shipment;
    const cargo = new Cargo(shipment);
    const arrivals = new Arrivals(manifest.contents.length, systemClock, {
      blocked: (content) => {
        if (this.isWaiting) this.#shared?.hurry(content);
        this.port.onBlocked(...(this.#store as JobStore).chunksOf(content));
      },
      released: ({ content, seconds }) => this.port.onReleased(content, cargo.pathOf(content), seconds),
    });
    this.#cargo = cargo;
    const store = await this.port.openStore(manifest, arrivals);
    const before = store.bytesHeld;
    this.#shared = store.shared;
    await this.#shared?.fill(store);
    this.#store = store;
    this.#reusedBytes += store.bytesHeld - before;
    this.port.onOrder(cargo.chunkOrder, cargo.urgentChunks);
    for (const chunk of cargo.chunkOrder) if (store.has(chunk)) this.#held(chunk);
    this.#join(store, shipment.order.slice(0, shipment.urgentCount));
    this.context.capacity.settle(this.spec.job);
    this.port.onOpened(manifest);
  }

  /** Units on the shared storage nobody has to be asked not to send. */
  #join(store: JobStore, urgent: readonly number[]): void {
    const onFound = (content: number): void => {
      const [first, count] = store.chunksOf(content);
      for (let chunk = first; chunk < first + count; chunk++) {
        this.#reusedBytes += store.chunkBytes(chunk);
        this.#held(chunk);
      }
      this.port.onFound();
    };
    const port = {
      job: this.spec.job,
      isFedByLogin: () => this.port.isFedByLogin(),
      onFound,
      onAlone: () => this.port.onAlone(),
      onFailed: (error: TeesError) => this.port.onFailed(error),
      onWanted: (content: number) => this.port.onBlocked(...store.chunksOf(content)),
    };
    this.#shared?.join(store, port, this.spec.storage === undefined);
    if (!this.isWaiting) return;
    for (const content of urgent) this.#shared?.hurry(content);
    this.#watchOthers(store);
  }

  /** Whoever it waits for may be held up itself. */
  #watchOthers(store: JobStore): void {
    let before = -1;
    this.#watch = setInterval(() => {
      const now = store.bytesHeld + this.#bytesOnTheWay;
      if (!this.isWaiting) clearInterval(this.#watch);
      else if (now === before) this.#shared?.goAlone();
      before = now;
    }, ALONE_AFTER_MS).unref();
  }

  /** The job is over: others on this node wait for nothing that it brings. */
  end(): void {
    clearInterval(this.#watch);
    this.#shared?.stop();
  }

  #held(chunk: number): void {
    this.port.onHeld(this.pieceCount + chunk);
    this.#cargo?.chunkArrived(chunk, (this.#store as JobStore).chunkBytes(chunk));
  }
}
