/** When a node tells its parent which reads wait: as soon as others do, and else once a second while any do. */
import type { Clock } from '../base/clock.js';
import { systemClock } from '../base/clock.js';
import type { PresentWaits } from '../wire/waits.js';

const REPEAT_INTERVAL_MS = 1000;

export class WaitsTeller {
  #told = '';
  #toldAtMs = -Infinity;

  constructor(
    private readonly tell: (waits: PresentWaits) => void,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Called often. */
  observe(present: PresentWaits): void {
    const names =
      present.count === 0 ? '' : JSON.stringify(present.waits.map(({ node, path }) => [node, path]));
    const who = `${present.count} ${names}`;
    const due = present.count > 0 && this.clock.nowMs() - this.#toldAtMs >= REPEAT_INTERVAL_MS;
    if (!due && (who === this.#told || (this.#told === '' && present.count === 0))) return;
    this.#told = who;
    this.#toldAtMs = this.clock.nowMs();
    this.tell(present);
  }
}
