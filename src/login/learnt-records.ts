/**
 * Where it is remembered what commands have read while they started: one small file a command, environment and user, in a
 * directory that only the daemon may enter. Names are digests; no user's record is ever another's.
 *
 *     DIRECTORY/UID/ENVIRONMENT-COMMAND
 *
 * To remember is a favour: what cannot be read or written is told in the log, and no job fails for it.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { LEARNT_RECORDS_MAX, LEARNT_RECORDS_MAX_BYTES, LEARNT_RECORD_MAX_BYTES } from '../base/limits.js';
import type { Log } from '../base/log.js';
import type { CommandKey } from '../planning/command-key.js';
import { learn } from '../planning/learning.js';
import type { LearntRecord, ObservedReads } from '../planning/learning.js';
import type { Recall } from '../planning/learnt.js';
import { decodeLearnt, encodeLearnt } from '../planning/learnt-codec.js';

export class LearntRecords {
  /** One change after the other: two runs of a command may end at the same time. */
  #changes: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly directory: string,
    private readonly log: Log,
  ) {}

  /** Undefined when there is none, or none that can be believed. */
  async recall(uid: number, key: CommandKey): Promise<LearntRecord | undefined> {
    const file = this.#file(uid, key);
    try {
      const { size } = await stat(file);
      if (size > LEARNT_RECORD_MAX_BYTES) throw new Error(`it has ${size} bytes`);
      return decodeLearnt(await readFile(file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.log.warn(`${file} is not used: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** For a split. */
  recaller(uid: number, budgetBytes: number): Recall {
    return async (key) => ({ budgetBytes, record: await this.recall(uid, key) });
  }

  /** One more run of the command. Never rejects. */
  learn(uid: number, key: CommandKey, reads: ObservedReads): Promise<void> {
    return this.#change(async () => {
      const record = learn(await this.recall(uid, key), reads);
      await this.#replace(this.#file(uid, key), encodeLearnt(record));
      await this.#evict(this.#ofUser(uid));
    });
  }

  /**
   * Of one environment, or of all of them. Never rejects.
   * @returns how many records are gone
   */
  async forget(uid: number, environment?: string): Promise<number> {
    let count = 0;
    await this.#change(async () => {
      const names = await namesIn(this.#ofUser(uid));
      for (const name of names.filter(
        (it) => environment === undefined || it.startsWith(`${environment}-`),
      )) {
        await rm(`${this.#ofUser(uid)}/${name}`, { force: true });
        count++;
      }
    });
    return count;
  }

  #change(change: () => Promise<void>): Promise<void> {
    const done = this.#changes.then(change).catch((error: unknown) => {
      this.log.warn(`what a command has read is not remembered: ${(error as Error).message}`);
    });
    this.#changes = done;
    return done;
  }

  async #replace(file: string, bytes: Buffer): Promise<void> {
    await mkdir(file.slice(0, file.lastIndexOf('/')), { recursive: true, mode: 0o700 });
    const unfinished = `${file}.${randomBytes(4).toString('hex')}`;
    try {
      await writeFile(unfinished, bytes, { mode: 0o600, flag: 'wx' });
      await rename(unfinished, file);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  /** The records of commands that have not been run for the longest time go; and with them what a crash left. */
  async #evict(directory: string): Promise<void> {
    const files = await Promise.all(
      (await namesIn(directory)).map(async (name) => {
        const path = `${directory}/${name}`;
        const { size, mtimeMs } = await stat(path);
        return { path, size, mtimeMs };
      }),
    );
    let [count, bytes] = [0, 0];
    for (const { path, size } of files.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
      count += 1;
      bytes += size;
      if (count > LEARNT_RECORDS_MAX || bytes > LEARNT_RECORDS_MAX_BYTES) await rm(path, { force: true });
    }
  }

  #file(uid: number, { environment, command }: CommandKey): string {
    return `${this.#ofUser(uid)}/${environment}-${command}`;
  }

  #ofUser(uid: number): string {
    return `${this.directory}/${uid}`;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
