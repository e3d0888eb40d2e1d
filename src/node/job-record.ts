/**
 * What a later daemon needs to know of a job, in the job's directory: written as it becomes known, each file at once
 * (renamed in) and never changed, but for the tree in `spec`. It need not survive the machine, whose death ends the job, so nothing is synced.
 *
 *   spec       SHA-256, then the job as it came, in BSON; without it there is no job to restore
 *   document   the shipping document, when all its pieces are here
 *   prepared   names layer and hook are in place
 *   launched   the launcher's: the task was given leave to run (native/launch/launch.h)
 *   exited     the task's exit status
 *   placement  where a tree grows that is to appear somewhere, and what it is (JSON)
 *   known      children that have answered to this job, a line each
 *   uplink     what the uplink's counters said when the job began
 */
import { appendFileSync, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { deserialize, serialize } from 'bson';
import { TeesError } from '../base/errors.js';
import {
  DIGEST_SIZE_BYTES,
  FRAME_HEADER_MAX_BYTES,
  MANIFEST_ENCODED_MAX_BYTES,
  PATH_MAX_BYTES,
} from '../base/limits.js';
import type { Identity } from '../environment/staged-tree.js';
import { chunkDigest } from '../image/chunks.js';
import { storeError } from '../store/store-error.js';
import { decodeJob, encodeJob } from '../wire/job.js';
import type { JobSpec } from '../wire/job.js';
import type { ByteCounters } from './uplink.js';

const MODE = 0o600;
const KNOWN_MAX_BYTES = 1 << 20;
const SMALL_MAX_BYTES = 4096;
const PLACEMENT_MAX_BYTES = 8 * PATH_MAX_BYTES;

export interface PlacementNote {
  /** The directory in which it grows. */
  readonly stage: string;
  /** Of the tree, when it is written and may appear at any moment. */
  readonly identity?: Identity;
}

export class JobRecord {
  constructor(readonly directory: string) {}

  /** @throws TeesError STORE_FULL, STORE_FAILED */
  begin(spec: JobSpec, uplink: ByteCounters | undefined): void {
    const bytes = Buffer.from(serialize(encodeJob(spec, false)));
    if (uplink) this.#write('uplink', JSON.stringify(uplink));
    this.#write('spec', Buffer.concat([chunkDigest(bytes), bytes]));
  }

  /** The tree has changed. @throws TeesError STORE_FULL, STORE_FAILED */
  replanted(spec: JobSpec): void {
    this.begin(spec, undefined);
  }

  /** @throws TeesError RECORD_INVALID */
  spec(): JobSpec {
    const bytes = this.#read('spec', DIGEST_SIZE_BYTES + FRAME_HEADER_MAX_BYTES);
    if (!bytes) throw this.#invalid('there is no record of the job');
    const body = bytes.subarray(DIGEST_SIZE_BYTES);
    if (!chunkDigest(body).equals(bytes.subarray(0, DIGEST_SIZE_BYTES)))
      throw this.#invalid('the record of the job is damaged');
    let spec: JobSpec;
    try {
      spec = decodeJob(deserialize(body, { promoteBuffers: true }));
    } catch (cause) {
      throw this.#invalid('the record of the job cannot be read', cause);
    }
    if (spec.job !== basename(this.directory)) throw this.#invalid(`the record is of job ${spec.job}`);
    return spec;
  }

  async keepDocument(bytes: Buffer): Promise<void> {
    const path = `${this.directory}/document`;
    try {
      await writeFile(`${path}.new`, bytes, { mode: MODE });
      await rename(`${path}.new`, path);
    } catch (error) {
      throw storeError(error, this.directory);
    }
  }

  /** Undefined as long as it is not whole. It has not been verified. */
  document(): Buffer | undefined {
    return this.#read('document', MANIFEST_ENCODED_MAX_BYTES);
  }

  get isPrepared(): boolean {
    return existsSync(`${this.directory}/prepared`);
  }

  prepared(): void {
    this.#write('prepared', '');
  }

  exited(status: number): void {
    this.#write('exited', String(status));
  }

  exitStatus(): number | undefined {
    const status = Number(this.#read('exited', SMALL_MAX_BYTES) ?? NaN);
    return Number.isInteger(status) && status >= 0 && status <= 255 ? status : undefined;
  }

  /** Before anything is made there, and again before it appears. @throws TeesError STORE_FULL, STORE_FAILED */
  placing(note: PlacementNote): void {
    this.#write('placement', JSON.stringify(note));
  }

  placement(): PlacementNote | undefined {
    const text = this.#read('placement', PLACEMENT_MAX_BYTES);
    return text && (JSON.parse(text.toString('utf8')) as PlacementNote);
  }

  childAnswered(name: string): void {
    try {
      appendFileSync(`${this.directory}/known`, `${name}\n`, { mode: MODE });
    } catch (error) {
      throw storeError(error, this.directory);
    }
  }

  /** The last line counts only when it is whole. */
  knownChildren(): ReadonlySet<string> {
    const lines = this.#read('known', KNOWN_MAX_BYTES)?.toString('utf8').split('\n') ?? [];
    return new Set(lines.slice(0, -1));
  }

  uplink(): ByteCounters | undefined {
    try {
      const { inBytes, outBytes } = JSON.parse(String(this.#read('uplink', SMALL_MAX_BYTES))) as ByteCounters;
      return Number.isSafeInteger(inBytes) && Number.isSafeInteger(outBytes)
        ? { inBytes, outBytes }
        : undefined;
    } catch {
      return undefined;
    }
  }

  /** From here on there is no job to be restored, only something to be removed. */
  discard(): void {
    rmSync(`${this.directory}/spec`, { force: true });
  }

  #write(name: string, bytes: Buffer | string): void {
    const path = `${this.directory}/${name}`;
    try {
      writeFileSync(`${path}.new`, bytes, { mode: MODE });
      renameSync(`${path}.new`, path);
    } catch (error) {
      throw storeError(error, this.directory);
    }
  }

  /** Undefined for what is not there, no file, or longer than it may be. */
  #read(name: string, maxBytes: number): Buffer | undefined {
    let fd: number;
    try {
      fd = openSync(
        `${this.directory}/${name}`,
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      );
    } catch {
      return undefined;
    }
    try {
      const file = fstatSync(fd);
      return file.isFile() && file.size <= maxBytes ? readFileSync(fd) : undefined;
    } finally {
      closeSync(fd);
    }
  }

  #invalid(why: string, cause?: unknown): TeesError {
    return new TeesError('RECORD_INVALID', why, { path: this.directory, ...(cause ? { cause } : {}) });
  }
}
