/** The way into an environment that is there for tasks which the node's resource manager starts. */
import { statSync } from 'node:fs';
import { TeesError } from '../base/errors.js';
import type { Allowance } from '../config/allowances.js';

export interface EntranceFacts {
  /** A process in the environment's mount namespace, and the namespace's inode: by it one knows that the process is still it. */
  readonly pid: number;
  readonly inode: number;
  /** What tasks may ask the kernel for all the same. */
  readonly allow: readonly Allowance[];
  /** Variables that tasks need. */
  readonly env: Readonly<Record<string, string>>;
}

/** @throws TeesError ENVIRONMENT_FAILED */
export function mountNamespaceOf(pid: number | undefined): Pick<EntranceFacts, 'pid' | 'inode'> {
  try {
    if (pid === undefined) throw new Error('its PID 1 is gone');
    return { pid, inode: statSync(`/proc/${pid}/ns/mnt`).ino };
  } catch (cause) {
    throw new TeesError('ENVIRONMENT_FAILED', `the environment has just ended: ${(cause as Error).message}`, {
      cause,
    });
  }
}

export class Entrance {
  readonly #opened: Promise<void>;
  #open: () => void = () => {};
  #close: (error: TeesError) => void = () => {};

  constructor(private readonly facts: () => EntranceFacts) {
    this.#opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#close = reject;
    });
    // There may be nobody who wants to come in.
    this.#opened.catch(() => {});
  }

  open(): void {
    this.#open();
  }

  /** Without effect on who is inside. */
  close(error: TeesError | undefined): void {
    this.#close(error ?? new TeesError('ENVIRONMENT_ENDED', 'the environment has ended'));
  }

  /** Resolves when the environment stands. @throws TeesError why it does not, or no more */
  async enter(): Promise<EntranceFacts> {
    await this.#opened;
    return this.facts();
  }
}
