/** The simulated network: who reaches whom, how long it takes, and what a seed makes of both. */
import { CONNECT_DEADLINE_MS } from '../base/limits.js';
import type { EventQueue } from './events.js';
import { Host } from './host.js';
import type { LinkEnd, Process } from './host.js';
import { SimulatedLinkEnd } from './link.js';
import type { Medium } from './link.js';

export interface NetworkOptions {
  readonly random: () => number;
  readonly silenceDeadlineMs: number;
  readonly watch: { queued(end: LinkEnd): void };
}

const LATENCY_MIN_MS = 0.05;
const LATENCY_SPREAD_MS = 2;
const UNIT_MIN_MS = 1;
const UNIT_SPREAD_MS = 30;

export class Network implements Medium {
  readonly hosts = new Map<string, Host>();
  /** To whom the next unit arrives damaged. */
  readonly corrupts = new Set<string>();
  #parts = 0;

  constructor(
    readonly events: EventQueue,
    private readonly options: NetworkOptions,
  ) {}

  get silenceDeadlineMs(): number {
    return this.options.silenceDeadlineMs;
  }

  get watch(): NetworkOptions['watch'] {
    return this.options.watch;
  }

  /** Mostly short, sometimes long: messages by different links overtake each other. */
  latencyMs(): number {
    const { random } = this.options;
    return LATENCY_MIN_MS + LATENCY_SPREAD_MS * random() ** 3 * (random() < 0.02 ? 20 : 1);
  }

  unitMs(): number {
    return UNIT_MIN_MS + UNIT_SPREAD_MS * this.options.random() ** 2;
  }

  host(name: string): Host {
    let host = this.hosts.get(name);
    if (!host) this.hosts.set(name, (host = new Host(name)));
    return host;
  }

  /** @param done with nothing: it was refused, or nobody has answered in time */
  connect(process: Process, to: string, done: (end: LinkEnd | undefined) => void): void {
    const known = process.outgoing.get(to);
    if (known?.isOpen) return process.soon(() => done(known.isOpen ? known : undefined));
    const [near, far] = [process.host, this.host(to)];
    const answers = (): boolean => far.powered && !far.isFrozen && near.part === far.part;
    const fail = (delayMs: number): void => void process.after(delayMs, () => done(undefined));
    // SYN, and the handshake of four frames.
    this.events.after(3 * this.latencyMs(), () => {
      if (!process.isAlive) return;
      // Who froze while it connected tries again when it thaws.
      if (near.isFrozen || !answers()) return fail(CONNECT_DEADLINE_MS);
      if (!far.daemon) return fail(this.latencyMs());
      const end = new SimulatedLinkEnd(this, near, to);
      end.other = new SimulatedLinkEnd(this, far, near.name);
      end.other.other = end;
      process.outgoing.set(to, end);
      process.run(() => done(end.isOpen ? end : undefined));
    });
  }

  /** @returns what ends it */
  freeze(host: Host): () => void {
    const stalled = host.isFrozen ? [] : [...host.ends];
    for (const end of stalled) {
      end.block();
      end.other.mute();
    }
    host.freeze();
    return () => {
      host.thaw();
      for (const end of stalled) {
        end.other.unmute();
        end.unblock();
      }
    };
  }

  /** Those hosts reach each other only. @returns what ends it */
  partition(hosts: readonly Host[]): () => void {
    const part = ++this.#parts;
    const inside = new Set(hosts);
    for (const host of hosts) host.part = part;
    const severed = hosts.flatMap((host) => [...host.ends].filter((end) => !inside.has(end.other.host)));
    for (const end of severed)
      for (const one of [end, end.other]) {
        one.mute();
        one.block();
      }
    return () => {
      for (const host of hosts) if (host.part === part) host.part = 0;
      for (const end of severed)
        for (const one of [end, end.other]) {
          one.unmute();
          one.unblock();
        }
    };
  }

  powerOff(host: Host): void {
    host.powered = false;
    for (const end of [...host.ends]) end.vanish();
  }
}
