/** A simulated compute node: its daemon takes jobs as node/daemon.ts does, is killed, and comes back with its record. */
import type { PlantedNode } from '../topology/planting.js';
import { encodeMessage } from '../wire/messages.js';
import { JOB } from './child.js';
import type { Deadlines } from './child.js';
import { Process } from './host.js';
import type { Daemon, Host, LinkEnd, Message } from './host.js';
import type { Invariants } from './invariants.js';
import type { Network } from './network.js';
import { Record, SimulatedNodeJob } from './node-job.js';
import type { Layer } from './node-job.js';

export interface Cluster extends Deadlines {
  readonly network: Network;
  readonly invariants: Invariants;
  readonly layer: Layer;
  /** A daemon has died. */
  onDeath?(node: string): void;
}

export class SimulatedNode implements Daemon {
  readonly host: Host;
  process: Process;
  record: Record | undefined;
  job: SimulatedNodeJob | undefined;
  /** This process has had the job, and has ended it. */
  #isPast = false;
  /** Of the store, in units. */
  #capacity = Infinity;
  /** Nobody starts it again. */
  isAbandoned = false;

  constructor(
    readonly name: string,
    private readonly cluster: Cluster,
  ) {
    this.host = cluster.network.host(name);
    this.process = this.#start();
  }

  get isUp(): boolean {
    return this.host.powered && this.host.daemon !== undefined;
  }

  crash(): void {
    this.process.end();
    this.cluster.onDeath?.(this.name);
    this.host.daemon = undefined;
    this.job = undefined;
    for (const end of [...this.host.ends]) end.abandon();
  }

  powerOff(): void {
    this.process.end();
    this.host.daemon = undefined;
    this.job = undefined;
    this.cluster.network.powerOff(this.host);
  }

  restart(): void {
    if (this.isAbandoned || this.host.daemon || !this.host.powered) return;
    this.process = this.#start();
    const { record } = this;
    if (!record || record.discarded) return;
    this.cluster.invariants.note(() => `${this.name} is restored with ${record.units.count} units`);
    this.job = this.#makeJob(record);
    this.job.restore();
  }

  /** Something on it waits for these units. */
  want(first: number, count: number): void {
    this.process.run(() => this.job?.want(first, count));
  }

  limitStore(units: number): void {
    this.#capacity = units;
    if (this.record) this.record.capacity = units;
  }

  receive(end: LinkEnd, message: Message): void {
    if (message['t'] === 'job') return this.#begin(end, message);
    if (this.job?.ownsLink(end)) this.job.receive(end, message);
  }

  closed(end: LinkEnd, final: boolean): void {
    if (this.job?.ownsLink(end)) this.job.linkClosed(end, final);
  }

  #start(): Process {
    this.host.daemon = this;
    this.#isPast = false;
    return new Process(this.host, this.cluster.network.events);
  }

  #begin(end: LinkEnd, message: Message): void {
    const [epoch, subtree] = [message['epoch'] as number, message['subtree'] as PlantedNode];
    if (this.job && !this.job.hasLeft) return this.job.attach(end, epoch, subtree);
    if (message['again'] === true || this.#isPast || this.job) return this.#refuse(end);
    this.cluster.invariants.check(
      this.record === undefined || this.record.discarded,
      () => `${this.name} began the job twice`,
    );
    this.record = new Record(this.cluster.layer, epoch, subtree);
    this.record.capacity = this.#capacity;
    this.job = this.#makeJob(this.record);
    this.job.attach(end, epoch, subtree);
    this.job.start();
  }

  #refuse(end: LinkEnd): void {
    this.cluster.invariants.note(() => `${this.name} refuses ${end.peer}`);
    const error = { code: 'JOB_OVER', message: 'it was here before, and is no more', node: this.name };
    end.post(encodeMessage({ t: 'events', job: JOB, events: [{ node: this.name, event: 'failed', error }] }));
    end.post(encodeMessage({ t: 'gone', job: JOB }));
  }

  #makeJob(record: Record): SimulatedNodeJob {
    const { network, invariants, recoveryDeadlineMs, repairDelayMs } = this.cluster;
    return new SimulatedNodeJob(
      {
        ...{ network, invariants, recoveryDeadlineMs, repairDelayMs, process: this.process },
        onOver: () => {
          this.job = undefined;
          this.#isPast = true;
        },
      },
      record,
    );
  }
}
