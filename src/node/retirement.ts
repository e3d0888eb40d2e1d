/** When a job's hook is asked to retire: once everything has arrived, and then again for what was open just then. */
const AFTER_MS = [0, 5_000, 60_000];

export class Retirement {
  readonly #timers: NodeJS.Timeout[] = [];

  /** @param retire what is opened from now on needs no hook */
  constructor(private readonly retire: () => void) {}

  begin(): void {
    for (const afterMs of AFTER_MS) this.#timers.push(setTimeout(this.retire, afterMs));
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
