/**
 * Which directories this login node has on the shared storage, a file each: what a daemon that was killed has left is
 * removed when the next one starts.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { FileUser } from '../base/native.js';
import type { SharedStorage } from '../config/config.js';
import { StorageProcess } from '../transport/storage/storage-process.js';

const RECORD_MAX_BYTES = 1 << 20;
const REMOVAL_DEADLINE_MS = 4_000;
const REMOVAL_INTERVAL_MS = 100;
const RETRY_INTERVAL_MS = 60_000;

interface StorageRecord {
  /** The shared storage's, as it was then. */
  readonly directory: string;
  readonly name: string;
  readonly user: FileUser;
}

/**
 * A file that somebody has open yet, as who was killed a moment ago may have, has another name on a network file system
 * until it is closed, and its directory is not empty so long.
 */
async function removeInTime(process: StorageProcess): Promise<void> {
  for (const deadline = Date.now() + REMOVAL_DEADLINE_MS; ;) {
    try {
      return await process.remove();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(REMOVAL_INTERVAL_MS);
    }
  }
}

export class StorageRecords {
  /** What could not be removed yet, by name. */
  readonly #late = new Map<string, StorageRecord>();

  constructor(
    private readonly directory: string,
    private readonly log: Log,
  ) {}

  /** Before the directory is made. @throws TeesError SHARED_STORAGE_FAILED */
  note(record: StorageRecord): void {
    const path = this.#path(record.name);
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      const { uid, gid, groups } = record.user;
      writeFileSync(`${path}.new`, JSON.stringify({ ...record, user: { uid, gid, groups } }), {
        mode: 0o600,
      });
      renameSync(`${path}.new`, path);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new TeesError(
        'SHARED_STORAGE_FAILED',
        `what is to be removed from it cannot be recorded: ${why}`,
        {
          path,
          cause,
        },
      );
    }
  }

  /** Never rejects: what cannot be removed now is tried again later, and by the next daemon. */
  async remove(record: StorageRecord, deadlineMs: number): Promise<void> {
    if (!(await this.#remove(record, deadlineMs))) return this.#later(record, deadlineMs);
    // The storage answers: perhaps it did not when this was tried before.
    const late = [...this.#late.values()];
    this.#late.clear();
    for (const each of late) await this.remove(each, deadlineMs);
  }

  #later(record: StorageRecord, deadlineMs: number): void {
    this.#late.set(record.name, record);
    const again = (): void => {
      if (this.#late.delete(record.name)) void this.remove(record, deadlineMs);
    };
    setTimeout(again, RETRY_INTERVAL_MS).unref();
  }

  async #remove(record: StorageRecord, deadlineMs: number): Promise<boolean> {
    const process = new StorageProcess({ ...record, deadlineMs });
    try {
      await removeInTime(process);
      rmSync(this.#path(record.name), { force: true });
      return true;
    } catch (error) {
      this.log.warn(`${record.directory}/${record.name}: cannot be removed: ${(error as Error).message}`);
      return false;
    } finally {
      process.kill();
    }
  }

  async removeLeftovers(storage: SharedStorage | undefined): Promise<void> {
    for (const name of this.#names()) {
      const record = this.#read(name);
      if (record && storage) await this.remove(record, storage.deadlineMs);
    }
  }

  #names(): string[] {
    try {
      return readdirSync(this.directory).filter((name) => !name.includes('.'));
    } catch {
      return []; // There has never been one.
    }
  }

  #read(name: string): StorageRecord | undefined {
    const path = this.#path(name);
    try {
      const bytes = readFileSync(path);
      if (bytes.length > RECORD_MAX_BYTES) throw new Error('it is too long');
      return JSON.parse(bytes.toString('utf8')) as StorageRecord;
    } catch (error) {
      this.log.warn(`${path}: cannot be read: ${(error as Error).message}`);
      return undefined;
    }
  }

  #path(name: string): string {
    return `${this.directory}/${name}`;
  }
}
