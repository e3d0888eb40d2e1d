/**
 * The daemon's hold on what a serving pair has open. The kernel keeps a mount, and all who wait there, as long as
 * anybody has its /dev/fuse open: when both of the pair were killed, another pair begins with the same descriptors.
 */
import { closeSync } from 'node:fs';
import { native } from '../base/native.js';
import { serveAgain } from './fuse-setup.js';
import type { ServeProgram } from './fuse-setup.js';

/**
 * By FD_… of native/serve/serve.h: FUSE, STATE, PROC and PROGRAM. Not the listening socket: that nobody holds it any
 * more is how the daemon sees that both have gone.
 */
const NUMBERS = [3, 4, 7, 8] as const;

export class SpareDescriptors {
  #held: readonly number[] = [];

  constructor(private readonly jobDirectory: string) {}

  /** @param pid either of the pair; all servers of a mount have the same open files */
  take(pid: number): void {
    if (this.#held.length > 0) return;
    try {
      this.#held = native().takeDescriptors(pid, Buffer.from(this.jobDirectory), NUMBERS);
    } catch {
      // It was killed meanwhile, and the next one says its number; or it may not be done here: then it is as without.
    }
  }

  /** Leaves another pair behind. False: there is nothing to begin with. @throws TeesError HOOK_FAILED */
  async serveAgain(program: ServeProgram): Promise<boolean> {
    if (this.#held.length === 0) return false;
    const descriptors = new Map(NUMBERS.map((number, index) => [number, this.#held[index] as number]));
    await serveAgain(this.jobDirectory, descriptors, program);
    return true;
  }

  close(): void {
    for (const fd of this.#held) closeSync(fd);
    this.#held = [];
  }
}
