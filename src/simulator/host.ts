/**
 * A machine of the simulated cluster and the one daemon process on it. A process that is killed takes its timers along;
 * a machine that is frozen runs nothing until it thaws, and then what was due.
 */
import type { EventQueue, Timer } from './events.js';
import type { Poster } from '../transport/job-channel.js';
import type { Header } from '../wire/frame.js';

export const LOGIN = 'login';

/** Of the job; units and trees travel as they are, everything else as the product encodes it. */
export type Message = Header;

export interface UnitMessage extends Message {
  readonly t: 'unit';
  readonly unit: number;
  /** Stands for the bytes and their digest: whether they are what they should be. */
  readonly intact: boolean;
}

/** One end of a connection (link.ts). */
export interface LinkEnd extends Poster {
  readonly host: Host;
  readonly peer: string;
  readonly other: LinkEnd;
  readonly isOpen: boolean;
  /** Messages on the way to the other end, or waiting there. */
  readonly onTheWay: number;
  /** A unit to the other end takes so much longer. */
  slowness: number;
  /** @param sent the link would take another; never said when it is lost, which is told by `closed` */
  send(message: UnitMessage, raised: boolean, sent: () => void): void;
  /** At once here, and at the other end when it hears of it. */
  close(final?: boolean): void;
  /** The process here is gone, and the kernel says so. */
  abandon(): void;
  /** The connection is lost, with all that is on its way; either end learns it by itself. */
  cut(): void;
  /** The host has lost its power: nobody says anything. */
  vanish(): void;
  /** What arrives waits. */
  block(): void;
  unblock(): void;
  /** Nothing comes by this end any more: after a while it is taken for dead. */
  mute(): void;
  unmute(): void;
}

/** What a process does with its links. */
export interface Daemon {
  readonly process: Process;
  receive(end: LinkEnd, message: Message): void;
  /** @param final a refusal or a broken protocol; else a loss */
  closed(end: LinkEnd, final: boolean): void;
}

export class Host {
  /** Undefined: no process, so that connections are refused. */
  daemon: Daemon | undefined;
  /** Without power nothing is refused, either: nobody answers. */
  powered = true;
  readonly ends = new Set<LinkEnd>();
  /** So many times longer than others it takes for a unit that it sends, and for one that it is sent. */
  slowness = { out: 1, in: 1 };
  /** Which part of a partitioned network it is in. */
  part = 0;
  #frozen = 0;
  #due: (() => void)[] = [];

  constructor(readonly name: string) {}

  get isFrozen(): boolean {
    return this.#frozen > 0;
  }

  run(action: () => void): void {
    if (this.isFrozen) this.#due.push(action);
    else action();
  }

  freeze(): void {
    this.#frozen++;
  }

  thaw(): void {
    if (--this.#frozen > 0) return;
    const due = this.#due;
    this.#due = [];
    for (const action of due) action();
  }
}

export class Process {
  /** Connections persist, and are used again (transport/links.ts). */
  readonly outgoing = new Map<string, LinkEnd>();
  #alive = true;

  constructor(
    readonly host: Host,
    private readonly events: EventQueue,
  ) {}

  get isAlive(): boolean {
    return this.#alive;
  }

  end(): void {
    this.#alive = false;
  }

  run(action: () => void): void {
    this.host.run(() => {
      if (this.#alive) action();
    });
  }

  after(delayMs: number, action: () => void): Timer {
    let cancelled = false;
    this.events.after(delayMs, () => {
      if (cancelled || !this.#alive) return;
      this.run(() => {
        if (!cancelled) action();
      });
    });
    return { cancel: () => void (cancelled = true) };
  }

  /** In this turn of the event loop, as `setImmediate`. */
  readonly soon = (action: () => void): void => void this.after(0, action);
}
