/** The simulated login node: the source, and who decides about the tree, as login/job.ts. */
import { Membership } from '../login/membership.js';
import type { MembershipOptions } from '../login/membership.js';
import { Planting } from '../topology/planting.js';
import type { PlantedNode, PlantingOptions } from '../topology/planting.js';
import type { NodeEvent } from '../wire/messages.js';
import { Process } from './host.js';
import type { Daemon, Host, LinkEnd, Message } from './host.js';
import type { Cluster } from './node.js';
import { SimulatedRelay } from './relay.js';

export class SimulatedRoot implements Daemon {
  readonly host: Host;
  readonly process: Process;
  /** Why the job was ended before everything was everywhere. */
  failure: string | undefined;
  /** Since when, in milliseconds. */
  readonly complete = new Map<string, number>();
  readonly #membership: Membership;
  readonly #relay: SimulatedRelay;
  isOver = false;

  constructor(
    name: string,
    planting: PlantingOptions,
    private readonly settings: { readonly policy: 'stop' | 'continue'; readonly passesSlow: boolean },
    private readonly cluster: Cluster,
  ) {
    const { network, invariants, layer, recoveryDeadlineMs, repairDelayMs } = cluster;
    this.host = network.host(name);
    this.host.daemon = this;
    const process = (this.process = new Process(this.host, network.events));
    const nodes = planting.tree.names.slice(1);
    const options: MembershipOptions = {
      ...planting,
      ...{ policy: settings.policy, spares: [], nodes, now: () => network.events.nowMs() / 1000 },
    };
    this.#membership = new Membership(options, {
      replant: (epoch, subtrees) => {
        invariants.note(() => `root plans epoch ${epoch}: ${subtrees.map(shape).join(' ')}`);
        invariants.tree(subtrees, this.#membership.members);
        this.#relay.replant(epoch, subtrees);
      },
      warn: () => {},
      fail: (error) => this.#fail(error.code),
    });
    const epoch = 0;
    this.#relay = new SimulatedRelay(
      {
        ...{ process, invariants, recoveryDeadlineMs, repairDelayMs, epoch, known: new Set() },
        ...{ pieceCount: layer.pieceCount, children: new Planting(planting).planted() },
        ...{ clock: network.events, unitCount: layer.pieceCount + layer.chunkOrder.length },
      },
      {
        connect: (node, done) => network.connect(process, node, done),
        onWanted: () => {},
        onEvents: (events, settled) => {
          for (const event of events) this.#onEvent(event);
          settled();
        },
        onDelivered: () => {},
        onKnown: () => {},
        onStranded: (child) => this.#membership.away(child),
        onBack: (child) => this.#membership.back(child),
        onSlow: (child) => this.#onSlow(child),
        onLost: (child) => this.#onLost(child),
        onAllGone: () => (this.isOver = true),
      },
    );
  }

  /** Those that take part and are not lost. */
  get present(): string[] {
    return this.#membership.present;
  }

  get lost(): string[] {
    return this.#membership.lost;
  }

  start(): void {
    const { pieceCount, chunkOrder } = this.cluster.layer;
    for (let piece = 0; piece < pieceCount; piece++) this.#relay.unitHeld(piece);
    this.#relay.perform(this.#relay.machine.setOrder(chunkOrder));
    for (const chunk of chunkOrder) this.#relay.unitHeld(pieceCount + chunk);
    this.#relay.open();
  }

  /** As its user does. */
  cancel(): void {
    this.cluster.invariants.note(() => 'root cancels the job');
    this.#fail('CANCELLED');
  }

  receive(end: LinkEnd, message: Message): void {
    if (this.#relay.ownsLink(end)) this.#relay.receive(end, message);
  }

  closed(end: LinkEnd, final: boolean): void {
    this.#relay.linkClosed(end, final);
  }

  #onEvent({ node, event, error }: NodeEvent): void {
    if (event !== 'delivered' && event !== 'begun')
      this.cluster.invariants.note(() => `root is told: ${node} ${event}`);
    if (!this.#membership.find(node)) return;
    if (event === 'away') return this.#membership.away(node);
    if (event === 'back') return this.#membership.back(node);
    if (event === 'slow') return this.#onSlow(node);
    if (event === 'lost' || error?.code === 'JOB_OVER') return this.#onLost(node);
    this.#membership.heard(node);
    if (event === 'failed') this.#fail(error?.code ?? 'NODE_FAILED');
    else if (event === 'delivered') this.#onComplete(node);
  }

  #onSlow(node: string): void {
    if (this.settings.passesSlow) this.#membership.slow(node);
  }

  #onComplete(node: string): void {
    if (!this.complete.has(node)) this.complete.set(node, this.cluster.network.events.nowMs());
  }

  #onLost(node: string): void {
    this.#membership.lose(node, { code: 'LINK_LOST', message: `${node} is lost`, node });
  }

  #fail(code: string): void {
    if (this.failure !== undefined) return;
    this.failure = code;
    this.#membership.end();
    this.#relay.end();
  }
}

/** For who reads a trace: n1(n2 n3). */
function shape({ name, children }: PlantedNode): string {
  return children.length === 0 ? name : `${name}(${children.map(shape).join(' ')})`;
}
