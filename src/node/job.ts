/**
 * One job on one node: what comes from the parent is verified, kept, passed on and served; the task is launched
 * when its urgent part is here; and in the end everything is torn down, whatever happened.
 */
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { Arrivals } from '../store/arrivals.js';
import type { JobStore } from '../store/job-store.js';
import { JobRelay } from '../transport/job-relay.js';
import type { Link } from '../transport/link.js';
import type { Frame } from '../wire/frame.js';
import { isSameJob, type JobSpec, type Subtree } from '../wire/job.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import { decodeMessage } from '../wire/messages.js';
import { Cargo } from './cargo.js';
import type { NodeJobContext } from './job-context.js';
import { JobEnvironment } from './job-environment.js';
import { Parent } from './parent.js';
import { ShippingDocument } from './shipping-document.js';
import { TaskTimes } from './task-times.js';
import { UplinkMeter } from './uplink.js';

const PROGRESS_INTERVAL_MS = 200;

export class NodeJob {
  readonly name: string;
  readonly #parent: Parent;
  readonly #relay: JobRelay;
  readonly #document: ShippingDocument;
  readonly #uplink: UplinkMeter;
  readonly #times = new TaskTimes(systemClock);
  readonly #progressTimer: NodeJS.Timeout;
  readonly #environment: JobEnvironment;
  #cargo: Cargo | undefined;
  #store: JobStore | undefined;
  #prepared = false;
  #urgentSaid = false;
  #launching = false;
  #launched = false;
  #exited = false;
  #delivered = false;
  #opening: Promise<void> | undefined;
  #failed = false;
  #ending: Promise<void> | undefined;

  constructor(
    private readonly context: NodeJobContext,
    private readonly spec: JobSpec,
  ) {
    this.name = spec.job;
    const { recoveryDeadlineMs } = context.config;
    const onLost = (error: TeesError): void => this.#endSoon(error);
    this.#parent = new Parent({ job: spec.job, self: context.self, recoveryDeadlineMs, onLost });
    this.#document = new ShippingDocument(spec.documentBytes, spec.documentDigests);
    this.#uplink = UplinkMeter.of(context.config, context.self);
    this.#environment = new JobEnvironment({
      spec,
      node: context.self,
      bind: context.config.environment.bind,
      serving: context.config,
      hidden: [context.config.store.directory, context.config.runtimeDirectory],
      directory: `${context.config.store.directory}/jobs/${spec.job}`,
      log: context.log,
      onOutput: (...output) => this.#parent.ownOutput(...output),
      onUncovered: (program) => this.#times.heldBack(program),
    });
    this.#relay = new JobRelay(
      { spec, children: spec.subtree.children, pieceCount: this.#document.pieceCount, recoveryDeadlineMs },
      {
        connect: (node) => context.connect(node),
        readUnit: (unit) => this.#readUnit(unit),
        ...this.#parent.fromBelow,
        onProgress: () => {},
        onDelivered: () => {
          this.#tellProgress();
          this.#parent.delivered();
        },
        onAway: (child, error) => context.log.warn(`job ${this.name}: ${child} is away: ${error.message}`),
        onLost: (subtree, error) => this.#onLost(subtree, error),
        onUnreadable: (error) => this.#fail(error),
      },
    );
    this.#progressTimer = setInterval(() => this.#tellProgress(), PROGRESS_INTERVAL_MS);
  }

  start(): void {
    this.#relay.open().catch((error: unknown) => this.#fail(error));
    try {
      this.context.capacity.reserve(this.name, this.spec.contentBytes);
      this.#parent.ready(this.#relay.machine);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Whether this is the job that a parent means. */
  is(spec: JobSpec): boolean {
    return isSameJob(this.spec, spec);
  }

  /** The job's parent is at the other end of this link, for the first time or again. */
  attach(link: Link): void {
    this.#parent.attach(link);
  }

  ownsLink(link: Link): boolean {
    return link === this.#parent.link || this.#relay.ownsLink(link);
  }

  receive(link: Link, frame: Frame): void | Promise<void> {
    if (link !== this.#parent.link) return this.#relay.receive(link, frame);
    const message = decodeMessage(frame.header);
    const settled = this.#parent.channel.accept(frame.header);
    if (!settled) return;
    switch (message.t) {
      case 'unit':
        return this.#receiveUnit(message.unit, frame.body).catch((error: unknown) => this.#fail(error));
      case 'stdin':
        if (message.node !== this.context.self)
          return this.#relay.routeInput(message.node, message.at, message.eof, frame.body, settled);
        return this.#environment.input.push(message.at, frame.body, message.eof, settled);
      case 'settled':
        return this.#parent.channel.acknowledged(message.of, message.sequences);
      case 'signal':
        settled();
        this.#environment.signal(message.signal as NodeJS.Signals);
        return this.#relay.broadcast(message);
      case 'end':
        return this.#endSoon(message.error && TeesError.fromRecord(message.error));
      default:
        throw new TeesError('MESSAGE_INVALID', `a parent may not send '${message.t}'`, { node: link.peer });
    }
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    if (link !== this.#parent.link) return this.#relay.linkClosed(link, error);
    this.#parent.linkClosed(error);
  }

  /** This node leaves the job, which cannot go on without it. */
  abandon(reason: TeesError): Promise<void> {
    this.#parent.leave(reason);
    return this.end(reason);
  }

  /** Tears everything down; the way there is the same after success, failure and loss of the parent. */
  end(error?: TeesError): Promise<void> {
    this.#ending ??= this.#tearDown(error);
    return this.#ending;
  }

  #endSoon(error: TeesError | undefined): void {
    this.end(error).catch((thrown: unknown) =>
      this.context.log.error(`job ${this.name}: tearing down: ${String(thrown)}`),
    );
  }

  async #receiveUnit(unit: number, body: Buffer): Promise<void> {
    if (this.#ending || this.#failed) return;
    if (unit < this.#document.pieceCount) {
      const whole = this.#document.put(unit, body);
      this.#relay.unitHeld(unit);
      chunkBuffers.release(body);
      if (whole) this.#opening = this.#openDocument();
      return this.#opening;
    }
    // It may come by another link than the document's last piece.
    await this.#opening;
    if (!this.#store || !this.#cargo)
      throw new TeesError('MESSAGE_INVALID', 'a chunk came before the manifest');
    const chunk = unit - this.#document.pieceCount;
    const { length } = body;
    const outcome = await this.#store.put(chunk, body);
    // Whom it is passed on to gets it from the store, which has it in memory for a while.
    chunkBuffers.release(body);
    if (outcome === 'duplicate') return;
    this.#relay.unitHeld(unit);
    this.#cargo.chunkArrived(chunk, length);
    this.#checkMilestones();
  }

  async #openDocument(): Promise<void> {
    this.#debug('the document is here');
    const shipment = this.#document.open(this.spec.contentBytes);
    const { manifest } = shipment;
    const cargo = new Cargo(shipment);
    const arrivals = new Arrivals(manifest.contents.length, systemClock, {
      blocked: (content) => this.#relay.wantChunks(...(this.#store as JobStore).chunksOf(content)),
      released: (wait) => this.#onReleased(wait.content, wait.seconds),
    });
    this.#cargo = cargo;
    this.#store = await this.#environment.openStore(manifest, arrivals);
    this.#debug('the store is open');
    this.#relay.setOrder(cargo.chunkOrder);
    // After what children wait for has been passed on: writing names takes a while.
    if (this.spec.subtree.runs) {
      this.#environment.prepare(manifest).then(
        () => {
          this.#prepared = true;
          this.#debug('names layer and hook are in place');
          this.#checkMilestones();
        },
        (error: unknown) => this.#fail(error),
      );
    }
    this.#checkMilestones();
  }

  #checkMilestones(): void {
    if (this.#ending || this.#failed || !this.#cargo || !this.#store) return;
    if (this.#cargo.urgentIsHere && !this.#urgentSaid) {
      this.#urgentSaid = true;
      this.#event('urgent');
    }
    if (this.#cargo.urgentIsHere && this.#prepared && !this.#launching) {
      this.#launching = true;
      this.#runTask().catch((error: unknown) => this.#fail(error));
    }
    if (this.#store.complete && !this.#delivered) {
      this.#delivered = true;
      this.#event('delivered');
    }
  }

  async #runTask(): Promise<void> {
    await this.#environment.launch();
    if (this.#ending) return;
    this.#launched = true;
    this.#times.launched();
    this.#event('launched', { serving: this.#environment.serving });
    const status = await this.#environment.finished();
    this.#exited = true;
    this.#times.ended();
    if (!this.#ending) this.#event('exited', { status }, () => this.#environment.release());
  }

  #onReleased(content: number, seconds: number): void {
    if (!this.#times.hasWaited && !this.#ending) this.#event('firstRead');
    this.#times.waited(content, this.#cargo?.pathOf(content) ?? '', seconds);
  }

  #onLost(subtree: Subtree, error: TeesError): void {
    this.context.log.warn(`job ${this.name}: lost ${subtree.name}: ${error.message}`);
    this.#parent.lost(subtree.name, error);
  }

  async #readUnit(unit: number): Promise<Buffer> {
    if (unit < this.#document.pieceCount) return this.#document.piece(unit);
    return (this.#store as JobStore).get(unit - this.#document.pieceCount);
  }

  #debug(what: string): void {
    this.context.log.debug(`job ${this.name}: ${what}`);
  }

  #event(...event: Parameters<Parent['event']>): void {
    this.#debug(event[0]);
    this.#parent.event(...event);
  }

  /** The job cannot go on here. Told upwards; the login node ends the job, which comes back as `end`. */
  #fail(thrown: unknown): void {
    if (this.#ending || this.#failed) return;
    this.#failed = true;
    const error = TeesError.from(thrown, 'NODE_FAILED', { node: this.context.self });
    this.context.log.error(`job ${this.name}: ${error.code}: ${error.message}`);
    this.#parent.failed(error);
  }

  #tellProgress(): void {
    const runs = this.spec.subtree.runs ? 1 : 0;
    const { urgentBytes = 0, hystereticBytes = 0 } = this.#cargo ?? {};
    const [launched, exited] = [this.#launched ? runs : 0, this.#exited ? runs : 0];
    this.#parent.progress(this.#relay.progress(), {
      nodes: 1,
      urgentBytes,
      hystereticBytes,
      launched,
      exited,
    });
  }

  async #tearDown(error: TeesError | undefined): Promise<void> {
    this.#debug(`tearing down${error ? `: ${error.code}` : ''}`);
    clearInterval(this.#progressTimer);
    this.#times.ended();
    this.#parent.end();
    try {
      const childrenGone = this.#relay.end(error);
      await this.#environment.remove();
      this.#debug('the environment is gone');
      await childrenGone;
      this.#parent.ownAccount(this.#times, this.#uplink);
    } finally {
      this.context.capacity.release(this.name);
      await this.#parent.gone();
      this.context.onOver();
    }
  }
}
