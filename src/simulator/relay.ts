/**
 * One job at one node of the simulated tree, seen from above its children: what transport/job-relay.ts and
 * relay-children.ts do, with the real machine, by the simulated network.
 */
import type { Clock } from '../base/clock.js';
import type { PlantedNode } from '../topology/planting.js';
import type { UnitRanges } from '../transport/demand.js';
import type { Settle } from '../transport/job-channel.js';
import { RelayMachine } from '../transport/relay-machine.js';
import type { RelayAction } from '../transport/relay-machine.js';
import { isSameTree, nodesOf } from '../wire/job.js';
import { decodeMessage } from '../wire/messages.js';
import type { NodeEvent } from '../wire/messages.js';
import { PACE_INTERVAL_MS, SlowRelays } from '../transport/slow-relays.js';
import { JOB, SimulatedChild, WINDOW_UNITS } from './child.js';
import type { Deadlines } from './child.js';
import type { LinkEnd, Message, Process } from './host.js';
import type { Invariants } from './invariants.js';

const LOOKS_MAX = 300;

export interface RelayPort {
  connect(node: string, done: (end: LinkEnd | undefined) => void): void;
  onWanted(ranges: UnitRanges): void;
  onEvents(events: readonly NodeEvent[], settled: Settle): void;
  onDelivered(): void;
  onKnown(child: string): void;
  onStranded(child: string): void;
  onBack(child: string): void;
  onSlow(child: string): void;
  onLost(child: string): void;
  /** It was told to end, and every child has. */
  onAllGone(): void;
}

export interface RelayOptions extends Deadlines {
  readonly process: Process;
  readonly invariants: Invariants;
  readonly pieceCount: number;
  readonly clock: Clock;
  /** That each node is to get. */
  readonly unitCount: number;
  readonly epoch: number;
  readonly children: readonly PlantedNode[];
  /** Children that have answered to an earlier process. */
  readonly known: ReadonlySet<string>;
}

export class SimulatedRelay {
  readonly machine: RelayMachine;
  readonly #children = new Map<string, SimulatedChild>();
  readonly #slow: SlowRelays;
  #epoch: number;
  #looks = 0;
  #ending = false;
  #saidGone = false;
  #left = false;

  constructor(
    private readonly options: RelayOptions,
    private readonly port: RelayPort,
  ) {
    this.#epoch = options.epoch;
    this.#slow = new SlowRelays(options.clock, options.unitCount);
    this.machine = new RelayMachine({ pieceCount: options.pieceCount, windowUnits: WINDOW_UNITS });
    for (const subtree of options.children) this.#add(subtree);
  }

  open(): void {
    for (const child of this.#children.values()) child.open();
    this.#lookLater();
  }

  /** A run ends when nothing happens any more: who has looked often looks no more. */
  #lookLater(): void {
    if (this.#looks++ < LOOKS_MAX) this.options.process.after(PACE_INTERVAL_MS, () => this.#look());
  }

  /** What has arrived below is told by nobody here: it is seen. */
  #look(): void {
    if (this.#ending || this.#left) return;
    const { invariants, unitCount } = this.options;
    const paced = [...this.#children.values()].flatMap(({ gone, link, name, subtree, sent }) => {
      const below = [...nodesOf(subtree)];
      const arrived = below.reduce((sum, one) => sum + invariants.unitsAt(one.name), 0);
      return gone || !link ? [] : [{ name, nodes: below.length, arrived, sent }];
    });
    for (const name of this.#slow.look(paced)) this.port.onSlow(name);
    if (paced.some(({ nodes, arrived }) => arrived < nodes * unitCount)) this.#lookLater();
  }

  replant(epoch: number, subtrees: readonly PlantedNode[]): void {
    this.#epoch = epoch;
    const wanted = new Set(subtrees.map(({ name }) => name));
    for (const child of this.#children.values())
      if (!child.gone && !wanted.has(child.name)) this.#part(child);
    for (const subtree of subtrees) {
      const child = this.#children.get(subtree.name);
      if (child?.gone && this.#ending) continue;
      if (!child || child.gone) this.#add(subtree).open();
      else if (!isSameTree(child.subtree, subtree)) {
        child.replant(subtree);
        child.link?.post({ t: 'tree', epoch, subtree });
      }
    }
    this.#checkGone();
  }

  ownsLink(end: LinkEnd): boolean {
    return this.#children.get(end.peer)?.link === end;
  }

  receive(end: LinkEnd, header: Message): void {
    const child = this.#children.get(end.peer);
    if (!child || child.gone) return;
    const message = decodeMessage(header);
    const settled = child.channel.accept(header);
    child.heard();
    if (!settled) return;
    switch (message.t) {
      case 'have':
        child.unitsSent.clear();
        return this.perform(this.machine.childHas(end.peer, message.ranges, message.opened));
      case 'want':
        return this.perform(this.machine.want(message.ranges, end.peer));
      case 'events':
        for (const { node } of message.events)
          this.options.invariants.check(child.speaksFor(node), () => `${end.peer} may not speak for ${node}`);
        return this.port.onEvents(message.events, settled);
      case 'delivered':
        return this.perform(this.machine.childDelivered(end.peer));
      case 'settled':
        return child.channel.acknowledged(message.of, message.sequences);
      case 'moved':
        this.#drop(child);
        return this.#checkGone();
      case 'gone':
        settled();
        return this.#childGone(child);
      default:
        this.options.invariants.check(false, () => `a child has sent '${message.t}'`);
    }
  }

  linkClosed(end: LinkEnd, final: boolean): void {
    const child = this.#children.get(end.peer);
    if (child?.link === end) child.linkClosed(final);
  }

  unitHeld(unit: number): void {
    this.perform(this.machine.unitHeld(unit));
  }

  want(ranges: UnitRanges): void {
    this.perform(this.machine.want(ranges));
  }

  /** The job may go on without this node. */
  leave(): void {
    this.#left = true;
    for (const child of this.#children.values()) if (!child.gone) this.#part(child);
  }

  /** The job is over: every child is told to tear down. */
  end(): void {
    this.#ending = true;
    for (const child of this.#children.values()) child.channel.tell({ t: 'end', job: JOB });
    this.#checkGone();
  }

  perform(actions: readonly RelayAction[]): void {
    for (const action of actions) {
      if (action.kind === 'send') this.#send(action);
      else if (action.kind === 'want') this.port.onWanted(action.ranges);
      else this.port.onDelivered();
    }
  }

  #add(subtree: PlantedNode): SimulatedChild {
    const { process, recoveryDeadlineMs, repairDelayMs, known } = this.options;
    const isKnown = subtree.known || known.has(subtree.name);
    const child = new SimulatedChild(subtree, isKnown, this.#epoch > 0, {
      ...{ process, recoveryDeadlineMs, repairDelayMs },
      connect: (node, done) => this.port.connect(node, done),
      greeting: (one, again) => ({ t: 'job', again, epoch: this.#epoch, subtree: one.subtree }),
      onKnown: ({ name }) => this.port.onKnown(name),
      onAttached: ({ channel }) => {
        if (this.#ending) channel.tell({ t: 'end', job: JOB });
      },
      onAway: (one) => {
        one.inFlight = 0;
        this.machine.away(one.name);
      },
      onStranded: ({ name }) => this.port.onStranded(name),
      onBack: ({ name }) => this.port.onBack(name),
      onLost: (one) => this.#lose(one),
    });
    this.#children.set(subtree.name, child);
    this.machine.attach(subtree.name);
    return child;
  }

  #part(child: SimulatedChild): void {
    child.channel.tell({ t: 'parted', job: JOB });
    this.#drop(child);
  }

  #drop(child: SimulatedChild): void {
    this.#children.delete(child.name);
    this.#release(child);
  }

  #release(child: SimulatedChild): void {
    child.clearStranded();
    child.close();
    child.channel.abandon();
    this.perform(this.machine.detach(child.name));
  }

  /** Before it was told to go, that is a loss. */
  #childGone(child: SimulatedChild): void {
    if (!this.#ending) return this.#lose(child);
    child.gone = true;
    child.close();
    this.#checkGone();
  }

  #lose(child: SimulatedChild): void {
    if (child.gone) return;
    child.gone = true;
    this.#release(child);
    this.port.onLost(child.name);
    this.#checkGone();
  }

  #checkGone(): void {
    if (!this.#ending || this.#saidGone) return;
    for (const child of this.#children.values()) if (!child.gone) return;
    this.#saidGone = true;
    this.port.onAllGone();
  }

  #send({ child: name, unit, raised }: Extract<RelayAction, { kind: 'send' }>): void {
    const child = this.#children.get(name);
    const link = child?.link;
    if (!child || !link || this.#ending) return;
    child.inFlight++;
    child.sent++;
    this.options.invariants.sends(this.options.process.host.name, child, unit);
    link.send({ t: 'unit', unit, intact: true }, raised, () => {
      if (child.link !== link || this.#children.get(name) !== child) return;
      child.inFlight--;
      this.perform(this.machine.sent(name, raised));
    });
  }
}
