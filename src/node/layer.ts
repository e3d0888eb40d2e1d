/**
 * The layer of one job on one node as it arrives: the document, then chunks. Each unit is verified and kept, and is
 * announced from then on; what an earlier daemon had kept is found again.
 */
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import type { Manifest } from '../image/manifest.js';
import { Arrivals } from '../store/arrivals.js';
import type { JobStore } from '../store/job-store.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import type { JobSpec } from '../wire/job.js';
import { Cargo } from './cargo.js';
import type { JobRecord } from './job-record.js';
import { ShippingDocument } from './shipping-document.js';

export interface NodeLayerPort {
  openStore(manifest: Manifest, arrivals: Arrivals): Promise<JobStore>;
  /** The order of sending is known. */
  onOrder(chunks: readonly number[]): void;
  /** A unit is here and verified. */
  onHeld(unit: number): void;
  /** Somebody on this node waits for these chunks. */
  onBlocked(firstChunk: number, count: number): void;
  /** The last who has waited for a content goes on. */
  onReleased(content: number, path: string, seconds: number): void;
  /** The document has been read, and what was found in the store has been announced. */
  onOpened(manifest: Manifest): void;
}

export class NodeLayer {
  readonly pieceCount: number;
  readonly #document: ShippingDocument;
  #cargo: Cargo | undefined;
  #store: JobStore | undefined;
  #opening: Promise<void> | undefined;

  constructor(
    private readonly spec: JobSpec,
    private readonly record: JobRecord,
    private readonly port: NodeLayerPort,
  ) {
    this.#document = new ShippingDocument(spec.documentBytes, spec.documentDigests);
    this.pieceCount = this.#document.pieceCount;
  }

  /** What has arrived; undefined before the document has been read. */
  get cargo(): Cargo | undefined {
    return this.#store && this.#cargo;
  }

  get complete(): boolean {
    return this.#store?.complete ?? false;
  }

  get bytesHeld(): number {
    return this.#store?.bytesHeld ?? 0;
  }

  /** What an earlier daemon had kept. */
  async restore(): Promise<void> {
    const bytes = this.record.document();
    if (!bytes || !this.#document.restore(bytes)) return;
    for (let piece = 0; piece < this.pieceCount; piece++) this.port.onHeld(piece);
    this.#opening = this.#open();
    await this.#opening;
  }

  /** @throws TeesError CHUNK_CORRUPT, MANIFEST_INVALID, MESSAGE_INVALID, STORE_FULL, STORE_FAILED */
  async receive(unit: number, body: Buffer): Promise<void> {
    if (unit < this.pieceCount) {
      const whole = this.#document.put(unit, body);
      this.port.onHeld(unit);
      chunkBuffers.release(body);
      if (whole) this.#opening = this.record.keepDocument(this.#document.bytes).then(() => this.#open());
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

  async #open(): Promise<void> {
    const shipment = this.#document.open(this.spec.contentBytes);
    const { manifest } = shipment;
    const cargo = new Cargo(shipment);
    const arrivals = new Arrivals(manifest.contents.length, systemClock, {
      blocked: (content) => this.port.onBlocked(...(this.#store as JobStore).chunksOf(content)),
      released: ({ content, seconds }) => this.port.onReleased(content, cargo.pathOf(content), seconds),
    });
    this.#cargo = cargo;
    this.#store = await this.port.openStore(manifest, arrivals);
    this.port.onOrder(cargo.chunkOrder);
    for (const chunk of cargo.chunkOrder) if (this.#store.has(chunk)) this.#held(chunk);
    this.port.onOpened(manifest);
  }

  #held(chunk: number): void {
    this.port.onHeld(this.pieceCount + chunk);
    this.#cargo?.chunkArrived(chunk, (this.#store as JobStore).chunkBytes(chunk));
  }
}
