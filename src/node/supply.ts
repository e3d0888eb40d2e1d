/**
 * Where a node's units come from: by links, from the job's parent, or from the shared storage, where the node takes
 * them itself.
 */
import { TeesError } from '../base/errors.js';
import type { Config, SharedStorage } from '../config/config.js';
import { chunkLocation } from '../image/chunks.js';
import type { Manifest } from '../image/manifest.js';
import type { JobRelay } from '../transport/job-relay.js';
import { SegmentLayout } from '../transport/storage/segment-layout.js';
import { SegmentReader } from '../transport/storage/segment-reader.js';
import { StorageProcess } from '../transport/storage/storage-process.js';
import type { JobSpec, StoragePlace } from '../wire/job.js';
import type { JobMessage } from '../wire/messages.js';
import type { Cargo } from './cargo.js';

type StoredMessage = Extract<JobMessage, { t: 'stored' }>;

export interface Supply {
  /** Somebody on this node waits for these chunks. */
  want(firstChunk: number, count: number): void;
  /** So many segments are on the shared storage, which those below hear from here. */
  stored(message: StoredMessage): void;
  /** The document has been read. */
  opened(manifest: Manifest, cargo: Cargo): void;
  stop(): void;
}

export interface SupplyPort {
  readonly relay: () => JobRelay;
  receive(unit: number, body: Buffer): Promise<void>;
  onFailed(error: TeesError): void;
}

export function supplyOf(spec: JobSpec, config: Config, port: SupplyPort): Supply {
  if (spec.storage) return new StorageSupply(spec, spec.storage, config.sharedStorage, port);
  return {
    want: (first, count) => port.relay().wantChunks(first, count),
    stored: (message) => port.relay().stand(message),
    opened: () => {},
    stop: () => {},
  };
}

class StorageSupply implements Supply {
  #process: StorageProcess | undefined;
  #reader: SegmentReader | undefined;
  #layout: SegmentLayout;
  #stopped = false;

  constructor(
    private readonly spec: JobSpec,
    private readonly place: StoragePlace,
    private readonly storage: SharedStorage | undefined,
    private readonly port: SupplyPort,
  ) {
    const document = { chunkOrder: [], urgentChunks: 0, chunkBytes: () => 0 };
    this.#layout = new SegmentLayout({ documentLengths: spec.documentLengths, ...document });
  }

  want(firstChunk: number, count: number): void {
    if (this.spec.demand) this.#reader?.want(this.#layout.pieceCount + firstChunk, count);
  }

  stored(message: StoredMessage): void {
    this.port.relay().stand(message);
    if (this.#stopped) return;
    this.#reader ??= this.#open();
    this.#reader?.stored(message.segments);
  }

  opened(manifest: Manifest, { chunkOrder, urgentChunks }: Cargo): void {
    const chunkBytes = (chunk: number): number => chunkLocation(manifest, chunk).length;
    const { documentLengths } = this.spec;
    this.#layout = new SegmentLayout({ documentLengths, chunkOrder, urgentChunks, chunkBytes });
    this.#reader?.extend(this.#layout);
  }

  stop(): void {
    this.#stopped = true;
    this.#reader?.stop();
    this.#process?.kill();
  }

  #open(): SegmentReader | undefined {
    const { spec, port, place, storage } = this;
    if (!storage) {
      port.onFailed(
        new TeesError('SHARED_STORAGE_MISSING', 'this node has no shared storage', {
          hint: 'Its configuration must have sharedStorage, as the login node has: one file for all.',
        }),
      );
      return undefined;
    }
    const { uid, gid, groups } = spec;
    const process = new StorageProcess({ ...storage, ...place, user: { uid, gid, groups } });
    this.#process = process;
    return new SegmentReader({
      layout: this.#layout,
      process,
      holds: (unit) => port.relay().machine.holds(unit),
      receive: (unit, body) => port.receive(unit, body),
      onFailed: (error) => port.onFailed(error),
    });
  }
}
