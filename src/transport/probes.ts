/**
 * The probes of one daemon: those that it takes part in, and, at a login node, those that begin there. Whoever asks has
 * proved the cluster key, and is given nothing but connections to nodes of the configuration.
 */
import { systemClock } from '../base/clock.js';
import type { Clock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { PROBED_AT_ONCE_MAX, PROBES_PER_LINK_MAX } from '../base/limits.js';
import type { Header } from '../wire/frame.js';
import { decodeProbe, encodeProbe, hopFailure } from '../wire/probe.js';
import type { ProbeMessage, ProbedHop } from '../wire/probe.js';
import type { Link } from './link.js';
import { Probe } from './probe.js';
import type { ProbeOptions, ProbePort } from './probe.js';

export type NewProbe = Pick<ProbeOptions, 'children' | 'timeoutMs' | 'onFound' | 'onOver'>;

type Request = Extract<ProbeMessage, { t: 'probe' }>;

export class Probes {
  readonly #all = new Map<string, Probe>();
  /** Those that a parent has asked for. */
  readonly #asked = new Map<Link, Set<Probe>>();
  #next = 0;

  constructor(
    private readonly self: string,
    private readonly port: ProbePort,
    private readonly clock: Clock = systemClock,
  ) {}

  begin(probe: NewProbe): Probe {
    // Not the parent's: two parents may have chosen the same.
    const id = String(this.#next++);
    const over = (): void => {
      this.#all.delete(id);
      probe.onOver();
    };
    const { children, timeoutMs } = probe;
    const onFound = (hops: readonly ProbedHop[]): void => probe.onFound(hops);
    const { port, clock } = this;
    const begun = new Probe({ id, children, timeoutMs, clock, port, onFound, onOver: over });
    this.#all.set(id, begun);
    begun.start();
    return begun;
  }

  /** @throws TeesError MESSAGE_INVALID */
  receive(link: Link, header: Header): void {
    const message = decodeProbe(header);
    switch (message.t) {
      case 'echo':
        return link.post(encodeProbe({ ...message, t: 'echoed' }));
      case 'echoed':
        return this.#all.get(message.id)?.echoed(link, message.n);
      case 'probed':
        return this.#all.get(message.id)?.probed(link, message.hops);
      case 'probe':
        return this.#serve(link, message);
    }
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    for (const probe of this.#asked.get(link) ?? []) probe.end();
    this.#asked.delete(link);
    for (const probe of this.#all.values()) probe.linkClosed(link, error);
  }

  #serve(link: Link, { id, timeoutMs, subtree }: Request): void {
    if (subtree.name !== this.self)
      throw new TeesError('MESSAGE_INVALID', `a probe was refused: it is for ${subtree.name}`);
    const parent = new Teller(link, id);
    const asked = this.#asked.get(link) ?? new Set();
    if (asked.size >= PROBES_PER_LINK_MAX) return parent.tell(refused(this.self, subtree));
    this.#asked.set(link, asked);
    const onFound = (hops: readonly ProbedHop[]): void => parent.tell(hops);
    const onOver = (): void => {
      for (const probe of asked) if (probe.isOver) asked.delete(probe);
    };
    const probe = this.begin({ children: subtree.children, timeoutMs, onFound, onOver });
    if (!probe.isOver) asked.add(probe);
  }
}

function refused(self: string, { children }: Request['subtree']): ProbedHop[] {
  const problem = `${PROBES_PER_LINK_MAX} probes are under way at ${self} already`;
  const failure = hopFailure(new TeesError('PROBES_TOO_MANY', problem, { node: self }));
  return children.map(({ name }) => ({ node: name, roundTrips: [], failure }));
}

/** Many hops are found at the same moment: they are told in one message. */
class Teller {
  #hops: ProbedHop[] = [];

  constructor(
    private readonly link: Link,
    private readonly id: string,
  ) {}

  tell(hops: readonly ProbedHop[]): void {
    if (this.#hops.length === 0) setImmediate(() => this.#post());
    this.#hops.push(...hops);
  }

  #post(): void {
    const hops = this.#hops;
    this.#hops = [];
    for (let at = 0; at < hops.length; at += PROBED_AT_ONCE_MAX)
      this.link.post(
        encodeProbe({ t: 'probed', id: this.id, hops: hops.slice(at, at + PROBED_AT_ONCE_MAX) }),
      );
  }
}
