/**
 * What two neighbours in a tree tell each other about one job, over one link after the other. Whoever sends a message
 * keeps it until it is *settled*: until the other end has it in safe hands, which for what is only passed on means the
 * end of the way. On a new link all that is kept is sent again; the other end passes over what it has seen. So nothing
 * is lost or doubled when only a link was lost. A daemon that was started again is another *session*: it has seen
 * nothing, and counts its own messages from one.
 */
import { randomBytes } from 'node:crypto';
import { ACKNOWLEDGED_AT_ONCE_MAX } from '../base/limits.js';
import { Fields } from '../wire/fields.js';
import type { Header } from '../wire/frame.js';
import { encodeMessage } from '../wire/messages.js';
import type { JobMessage } from '../wire/messages.js';

/** Of a link. */
export interface Poster {
  post(header: Header, body?: Buffer): void;
}

/** To be called once, when what came is in safe hands. */
export type Settle = () => void;

export interface Kept {
  readonly header: Header;
  readonly body: Buffer | undefined;
  readonly settled: Settle;
}

export class JobChannel {
  /** Of this end: known to nobody before, and to no later daemon. */
  readonly session = randomBytes(8).toString('hex');
  #link: Poster | undefined;
  #lastSequence = 0;
  readonly #kept = new Map<number, Kept>();
  #peerSession = '';
  #lastSeen = 0;
  readonly #unsettled = new Set<number>();
  #settled: number[] = [];
  #drained: () => void = () => {};
  #abandoned = false;

  /**
   * @param onPeerRenewed the other end is another session than before, and knows nothing of what was said
   * @param soon calls later in this turn of the event loop
   */
  constructor(
    private readonly job: string,
    private readonly onPeerRenewed: () => void = () => {},
    private readonly soon: (action: () => void) => void = setImmediate,
  ) {}

  /** From now on by this link; what is kept is sent again. */
  attach(link: Poster): void {
    this.#link = link;
    for (const { header, body } of this.#kept.values()) link.post(header, body);
  }

  detach(): void {
    this.#link = undefined;
  }

  /** Kept and sent again until it is settled. */
  send(message: JobMessage, body?: Buffer, settled: Settle = () => {}): void {
    if (this.#abandoned) return;
    const sequence = ++this.#lastSequence;
    const header = { ...encodeMessage(message), session: this.session, sequence };
    this.#kept.set(sequence, { header, body, settled });
    this.#link?.post(header, body);
  }

  /** Not kept: what a later message replaces, or a new link is told anew. */
  tell(message: JobMessage): void {
    this.#link?.post(encodeMessage(message));
  }

  /**
   * A frame from the other end.
   * @returns undefined when it was seen before
   * @throws TeesError MESSAGE_INVALID
   */
  accept(header: Header): Settle | undefined {
    const fields = new Fields(header);
    const sequence = fields.optionalCount('sequence');
    if (sequence === undefined) return () => {};
    this.#meet(fields.text('session', 64));
    if (sequence <= this.#lastSeen) {
      // It was acknowledged by a link that is no more.
      if (!this.#unsettled.has(sequence)) this.#acknowledge(sequence);
      return undefined;
    }
    this.#lastSeen = sequence;
    this.#unsettled.add(sequence);
    const session = this.#peerSession;
    return () => {
      if (session === this.#peerSession && this.#unsettled.delete(sequence)) this.#acknowledge(sequence);
    };
  }

  /** The other end has these in safe hands. */
  acknowledged(session: string, sequences: readonly number[]): void {
    if (session !== this.session) return;
    for (const sequence of sequences) {
      const kept = this.#kept.get(sequence);
      if (kept && this.#kept.delete(sequence)) kept.settled();
    }
    if (this.#kept.size === 0) this.#drained();
  }

  /** Resolves when nothing is kept any more: all is settled, or nobody is waited for. */
  async drained(): Promise<void> {
    if (this.#kept.size > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
  }

  /** What is kept for the other end, and may be sent by another way. */
  unsettled(): readonly Kept[] {
    return [...this.#kept.values()];
  }

  /** The other end will not come back: nothing is kept for it. */
  abandon(): void {
    this.#tellSettled();
    this.#abandoned = true;
    this.#link = undefined;
    this.#kept.clear();
    this.#drained();
  }

  #meet(session: string): void {
    if (session === this.#peerSession) return;
    const renewed = this.#peerSession !== '';
    this.#peerSession = session;
    this.#lastSeen = 0;
    this.#unsettled.clear();
    this.#settled = [];
    if (renewed) this.onPeerRenewed();
  }

  /** Those of one turn of the event loop together. */
  #acknowledge(sequence: number): void {
    if (this.#settled.length === 0) this.soon(() => this.#tellSettled());
    this.#settled.push(sequence);
    if (this.#settled.length >= ACKNOWLEDGED_AT_ONCE_MAX) this.#tellSettled();
  }

  #tellSettled(): void {
    const sequences = this.#settled;
    if (sequences.length === 0) return;
    this.#settled = [];
    this.tell({ t: 'settled', job: this.job, of: this.#peerSession, sequences });
  }
}
