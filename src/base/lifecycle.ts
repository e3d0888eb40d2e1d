/**
 * What was started is stopped, in reverse order, once, whatever else fails.
 * `onShutdownSignal` runs a clean-up on SIGINT, SIGTERM and SIGHUP and then dies of that signal's status.
 */
import { constants } from 'node:os';

export type Cleanup = () => void | Promise<void>;

export class CleanupStack {
  readonly #steps: { name: string; run: Cleanup }[] = [];
  #running: Promise<void> | undefined;

  constructor(private readonly onFailure: (name: string, error: unknown) => void = () => {}) {}

  push(name: string, run: Cleanup): void {
    this.#steps.push({ name, run });
  }

  /** Idempotent: later calls wait for the first. */
  run(): Promise<void> {
    this.#running ??= this.#unwind();
    return this.#running;
  }

  async #unwind(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step.run();
      } catch (error) {
        this.onFailure(step.name, error);
      }
    }
  }
}

/** One step after the other, each whatever became of those before it. */
export async function inTurn(
  steps: readonly (() => unknown)[],
  onFailure: (error: unknown) => void,
): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      onFailure(error);
    }
  }
}

const SHUTDOWN_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** @returns a function that removes the handlers again */
export function onShutdownSignal(cleanup: (signal: NodeJS.Signals) => void | Promise<void>): () => void {
  let started = false;
  const handler = (signal: NodeJS.Signals): void => {
    if (started) return;
    started = true;
    void Promise.resolve(cleanup(signal)).finally(() => process.exit(128 + constants.signals[signal]));
  };
  for (const signal of SHUTDOWN_SIGNALS) process.on(signal, handler);
  return () => {
    for (const signal of SHUTDOWN_SIGNALS) process.off(signal, handler);
  };
}
