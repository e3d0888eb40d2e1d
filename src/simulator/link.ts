/**
 * One end of a simulated connection. What is sent arrives in order, after a delay that varies from link to link and from
 * moment to moment; units take the time that the link's speed asks for, and raised ones pass others that wait, as in
 * transport/link.ts.
 */
import type { EventQueue } from './events.js';
import type { Host, LinkEnd, Message, UnitMessage } from './host.js';

/** What an end needs to know of the network. */
export interface Medium {
  readonly events: EventQueue;
  readonly silenceDeadlineMs: number;
  readonly watch: { queued(end: LinkEnd): void };
  /** To whom the next unit arrives damaged. */
  readonly corrupts: Set<string>;
  latencyMs(): number;
  unitMs(): number;
}

interface WaitingUnit {
  readonly message: UnitMessage;
  readonly sent: () => void;
}

export class SimulatedLinkEnd implements LinkEnd {
  other!: SimulatedLinkEnd;
  isOpen = true;
  slowness = 1;
  readonly #unitMs: number;
  /** What arrives while this is above 0 waits. */
  #blocked = 0;
  #arrived: (() => void)[] = [];
  /** By how many causes nothing can come by this end, not even a ping, and since which of them. */
  #mutes = 0;
  #muteStamp = 0;
  /** The last arrival at this end. */
  #lastArrivalMs = 0;
  /** A loss of the connection loses what is on its way. */
  #isCut = false;
  readonly #raised: WaitingUnit[] = [];
  readonly #bulk: WaitingUnit[] = [];
  #sending = false;
  #onTheWay = 0;

  constructor(
    private readonly network: Medium,
    readonly host: Host,
    readonly peer: string,
  ) {
    this.#unitMs = network.unitMs();
    host.ends.add(this);
  }

  get onTheWay(): number {
    return this.#onTheWay;
  }

  post(message: Message): void {
    if (!this.isOpen) return;
    this.#onTheWay++;
    this.network.watch.queued(this);
    this.other.#expect(() => {
      this.#onTheWay--;
      if (this.other.isOpen) this.other.host.daemon?.receive(this.other, message);
    });
  }

  send(message: UnitMessage, raised: boolean, sent: () => void): void {
    (raised ? this.#raised : this.#bulk).push({ message, sent });
    if (!this.#sending) this.#sendNext();
  }

  close(final = false): void {
    if (!this.isOpen) return;
    this.#shut();
    const { daemon } = this.host;
    daemon?.process.soon(() => daemon.closed(this, final));
    this.other.#expect(() => this.other.#hangUp(final));
  }

  abandon(): void {
    if (!this.isOpen) return;
    this.#shut();
    this.other.#expect(() => this.other.#hangUp(false));
  }

  vanish(): void {
    this.#shut();
    this.other.mute();
  }

  cut(): void {
    for (const end of [this, this.other]) {
      end.#isCut = true;
      this.network.events.after(this.network.latencyMs(), () => end.host.run(() => end.#hangUp(false)));
    }
  }

  block(): void {
    this.#blocked++;
  }

  unblock(): void {
    if (--this.#blocked > 0) return;
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const action of arrived) action();
  }

  mute(): void {
    if (this.#mutes++ > 0) return;
    const stamp = ++this.#muteStamp;
    this.network.events.after(this.network.silenceDeadlineMs, () => {
      const isMuted = (): boolean => this.#mutes > 0 && this.#muteStamp === stamp;
      if (isMuted()) this.host.run(() => isMuted() && this.close());
    });
  }

  unmute(): void {
    this.#mutes--;
  }

  #expect(action: () => void): void {
    const at = Math.max(this.network.events.nowMs() + this.network.latencyMs(), this.#lastArrivalMs);
    this.#lastArrivalMs = at;
    this.network.events.at(at, () => {
      if (this.#isCut) return;
      if (this.#blocked > 0) this.#arrived.push(action);
      else action();
    });
  }

  #sendNext(): void {
    const next = this.#raised.shift() ?? this.#bulk.shift();
    this.#sending = next !== undefined && this.isOpen;
    if (!next || !this.isOpen) return;
    const { daemon } = this.host;
    const slowness = Math.max(this.slowness, this.host.slowness.out, this.other.host.slowness.in);
    this.network.events.after(this.#unitMs * slowness, () => {
      this.post(this.network.corrupts.delete(this.peer) ? { ...next.message, intact: false } : next.message);
      if (this.isOpen) daemon?.process.run(next.sent);
      this.#sendNext();
    });
  }

  #hangUp(final: boolean): void {
    if (!this.isOpen) return;
    this.#shut();
    this.host.daemon?.closed(this, final);
  }

  #shut(): void {
    this.isOpen = false;
    this.host.ends.delete(this);
    this.#raised.length = 0;
    this.#bulk.length = 0;
    this.#arrived.length = 0;
  }
}
