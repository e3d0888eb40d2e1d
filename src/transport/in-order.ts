/** Steps that must come one after the other, some of which wait. While none waits, a step is taken at once. */
export class InOrder {
  readonly #steps: (() => void | Promise<void>)[] = [];
  #waiting = false;

  /** @param onFailure of a step that had to wait; those behind it are dropped */
  constructor(private readonly onFailure: (error: unknown) => void) {}

  /** What a step throws that is taken at once, the caller gets. */
  run(step: () => void | Promise<void>): void {
    if (this.#waiting) {
      this.#steps.push(step);
      return;
    }
    const pending = step();
    if (!pending) return;
    this.#waiting = true;
    pending.then(
      () => this.#goOn(),
      (error: unknown) => this.#failed(error),
    );
  }

  #goOn(): void {
    this.#waiting = false;
    try {
      for (let step = this.#steps.shift(); step; step = this.#steps.shift()) {
        this.run(step);
        if (this.#waiting) return;
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#steps.length = 0;
    this.#waiting = false;
    this.onFailure(error);
  }
}
