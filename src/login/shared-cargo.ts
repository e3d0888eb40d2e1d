/**
 * What several jobs carry that begin at about the same time with the same layer and the same command: scanned, split and encoded once. All
 * have the layer as it was then.
 */
import { systemClock } from '../base/clock.js';
import type { Clock } from '../base/clock.js';
import type { LayerSource } from '../scan/source.js';
import type { Cargo } from './cargo.js';

/** Who comes later has the layer as it is later. */
const SHARED_FOR_MS = 10_000;

/**
 * @param prepare for who is first, and for who has waited in vain for somebody else's
 * @returns to be closed by its `source`, as if it was one's own
 * @throws what `prepare` throws
 */
export type TakeCargo = (prepare: () => Promise<Cargo>) => Promise<Cargo>;

interface Shared {
  readonly madeMs: number;
  readonly cargo: Promise<Cargo>;
  /** This one, and those who have taken it. */
  users: number;
}

export class SharedCargo {
  #shared: Shared | undefined;

  constructor(private readonly clock: Clock = systemClock) {}

  /** A job begins now, whenever it will be able to take it. */
  ticket(): TakeCargo {
    const beganMs = this.clock.nowMs();
    return (prepare) => this.#take(prepare, beganMs);
  }

  async #take(prepare: () => Promise<Cargo>, beganMs: number): Promise<Cargo> {
    for (;;) {
      const known = this.#fresh(beganMs);
      const shared = known ?? this.#make(prepare);
      shared.users++;
      try {
        const cargo = await shared.cargo;
        return { ...cargo, source: this.#sourceOf(shared, cargo.source) };
      } catch (error) {
        if (this.#shared === shared) this.#shared = undefined;
        if (!known) throw error;
      }
    }
  }

  /** Nobody else comes. */
  end(): void {
    const shared = this.#shared;
    this.#shared = undefined;
    if (shared) this.#leave(shared);
  }

  #fresh(beganMs: number): Shared | undefined {
    if (this.#shared && beganMs - this.#shared.madeMs > SHARED_FOR_MS) this.end();
    return this.#shared;
  }

  #make(prepare: () => Promise<Cargo>): Shared {
    const cargo = prepare();
    cargo.catch(() => {}); // thrown by `take`
    return (this.#shared = { madeMs: this.clock.nowMs(), cargo, users: 1 });
  }

  #leave(shared: Shared): void {
    if (--shared.users > 0) return;
    shared.cargo.then(
      ({ source }) => source.close(),
      () => {},
    );
  }

  #sourceOf(shared: Shared, source: LayerSource): LayerSource {
    let isOpen = true;
    return {
      manifest: source.manifest,
      readChunk: (chunk) => source.readChunk(chunk),
      pathOf: (content) => source.pathOf(content),
      close: () => {
        if (isOpen) this.#leave(shared);
        isOpen = false;
        return Promise.resolve();
      },
    };
  }
}
