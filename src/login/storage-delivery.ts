/** The units of one job on the shared storage, at the login node: written, announced, and removed in the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileUser } from '../base/native.js';
import type { Config, SharedStorage } from '../config/config.js';
import { chunkLocation } from '../image/chunks.js';
import { SegmentLayout } from '../transport/storage/segment-layout.js';
import { SegmentWriter } from '../transport/storage/segment-writer.js';
import { StorageProcess } from '../transport/storage/storage-process.js';
import type { JobSpec, StoragePlace } from '../wire/job.js';
import type { Deployment } from './deployment.js';
import type { SourceUnits } from './source-units.js';
import type { StorageRecords } from './storage-records.js';

const REMOVAL_WAIT_MS = 5_000;

export interface StorageDeliveryOptions {
  readonly storage: SharedStorage;
  readonly place: StoragePlace;
  /** As whom the nodes read. */
  readonly user: FileUser;
  readonly records: StorageRecords;
}

export function storageOptions(
  { sharedStorage: storage }: Config,
  records: StorageRecords,
  { storage: place, uid, gid, groups }: Omit<JobSpec, 'subtree'>,
): { storage?: StorageDeliveryOptions } {
  return place && storage ? { storage: { storage, place, records, user: { uid, gid, groups } } } : {};
}

export interface StorageDeliveryPort {
  onStored(segments: number): void;
  /** It cannot go on. */
  onFailed(error: unknown): void;
}

export class StorageDelivery {
  readonly #process: StorageProcess;
  readonly #writer: SegmentWriter;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: StorageDeliveryOptions,
    deployment: Deployment,
    units: SourceUnits,
    private readonly port: StorageDeliveryPort,
  ) {
    const { storage, place, user } = options;
    const { source, document, chunkOrder, urgentChunks } = deployment;
    this.#process = new StorageProcess({ ...storage, ...place, user });
    this.#writer = new SegmentWriter({
      layout: new SegmentLayout({
        ...{ documentLengths: document.pieces.map(({ length }) => length), chunkOrder, urgentChunks },
        chunkBytes: (chunk) => chunkLocation(source.manifest, chunk).length,
      }),
      process: this.#process,
      readUnit: (unit) => units.read(unit),
      onStored: (segments) => port.onStored(segments),
    });
  }

  get bytesWritten(): number {
    return this.#writer.bytesWritten;
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => this.port.onFailed(error));
  }

  async #run(): Promise<void> {
    this.options.records.note(this.#record);
    await this.#process.make();
    await this.#writer.run();
  }

  get #record(): { directory: string; name: string; user: FileUser } {
    const { storage, place, user } = this.options;
    return { directory: storage.directory, name: place.name, user };
  }

  /** Nothing more is written. */
  stop(): void {
    this.#writer.stop();
    this.#process.kill();
  }

  /** Nothing is left on the storage, when it answers soon; otherwise it is not waited for. Never rejects. */
  async remove(): Promise<void> {
    this.stop();
    const { records, storage } = this.options;
    const removed = this.#running.then(() => records.remove(this.#record, storage.deadlineMs));
    await Promise.race([removed, sleep(REMOVAL_WAIT_MS, undefined, { ref: false })]);
  }
}
