/**
 * The removal of what jobs have left on a node. Names are removed one by one, by the kernel: 100,000 take a second of a
 * processor, and many on a busy node. So that no job's end waits for that, its directory is first moved out of the
 * way, in one step, and removed there; what a daemon has not finished, the next one does.
 */
import { mkdir, readdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../base/log.js';
import { PRIVATE_MODE, freeOfMounts, removeTree } from './directories.js';
import type { JobDirectories } from './environment.js';

/** For so long the end of a job waits for its files to be removed, which is enough for nearly all jobs. */
const PATIENCE_MS = 1000;

export interface Removal {
  /** Resolves when everything is gone, or nothing more can be done, as the log then says. */
  readonly ended: Promise<void>;
}

export class Removals {
  /** @param place on the file system of the jobs' directories; nothing else lies in it */
  constructor(
    private readonly place: string,
    private readonly log: Log,
  ) {}

  /** What an earlier daemon has begun goes on. */
  async resume(): Promise<void> {
    await mkdir(this.place, { recursive: true, mode: PRIVATE_MODE });
    for (const name of await readdir(this.place)) void this.#remove(join(this.place, name));
  }

  /**
   * The environment must have ended and the hook should have stopped. When this resolves the job's directory is no more,
   * and nothing is mounted; of very many files some may still be on their way out.
   * @param save takes what is to stay out of the job's directory, which is elsewhere by then
   * @throws TeesError STORE_BUSY when something else is mounted there: nothing is removed then
   */
  async remove(directories: JobDirectories, save?: (root: string) => Promise<void>): Promise<Removal> {
    await freeOfMounts(directories);
    const aside = await this.#moveAside(directories);
    const ended = this.#save(aside, save).then(() => this.#remove(aside));
    await Promise.race([ended, sleep(PATIENCE_MS, undefined, { ref: false })]);
    return { ended };
  }

  /** @returns where everything is now */
  async #moveAside({ root }: JobDirectories): Promise<string> {
    const aside = join(this.place, `${basename(root)}.${Date.now().toString(36)}`);
    try {
      await rename(root, aside);
      return aside;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') this.log.warn(`${root}: is removed where it is: ${String(error)}`);
      return root;
    }
  }

  async #save(path: string, save: ((root: string) => Promise<void>) | undefined): Promise<void> {
    try {
      await save?.(path);
    } catch (error) {
      this.log.error(`${path}: nothing of it is kept: ${String(error)}`);
    }
  }

  async #remove(path: string): Promise<void> {
    try {
      await removeTree(path);
    } catch (error) {
      this.log.error(`${path}: cannot be removed: ${String(error)}`);
    }
  }
}
