/**
 * One job on one node: what comes from the parent is verified, kept, passed on and used (layer-use.ts); the task is
 * launched when its urgent part is here; and in the end everything is torn down, whatever happened.
 */
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { prefixed } from '../base/log.js';
import type { Manifest } from '../image/manifest.js';
import { JobRelay } from '../transport/job-relay.js';
import type { Link } from '../transport/link.js';
import type { Frame } from '../wire/frame.js';
import type { JobSpec } from '../wire/job.js';
import { decodeMessage, encodeMessage } from '../wire/messages.js';
import { Entrance } from './entrance.js';
import type { NodeJobContext } from './job-context.js';
import { JobRecord } from './job-record.js';
import type { LayerUse } from './layer-use.js';
import { NodeLayer } from './layer.js';
import { useOf } from './layer-uses.js';
import { Milestones } from './milestones.js';
import { Parent } from './parent.js';
import { supplyOf } from './supply.js';
import { TaskTimes } from './task-times.js';
import { TreePlace } from './tree-place.js';
import type { Place } from './tree-place.js';
import { UplinkMeter } from './uplink.js';

const PROGRESS_INTERVAL_MS = 200;
export class NodeJob {
  readonly #log: NodeJobContext['log'];
  readonly #parent: Parent;
  readonly #relay: JobRelay;
  readonly #layer: NodeLayer;
  readonly #supply: ReturnType<typeof supplyOf>;
  readonly #uplink: UplinkMeter;
  readonly #times = new TaskTimes(systemClock);
  readonly #progressTimer: NodeJS.Timeout;
  readonly #record: JobRecord;
  readonly #use: LayerUse;
  readonly #milestones: Milestones;
  readonly #place: TreePlace;
  readonly entrance = new Entrance(() => this.#use.entrance());
  #failed = false;
  #ending: Promise<void> | undefined;
  isOrphan = false; // No parent comes back, and the node's own resource manager says when it ends.
  hasLeft = false; // It ends without being told to: no parent may count on it any more.

  /** @param restored an earlier daemon had this job and was killed: what it has left is in the job's directory */
  constructor(
    private readonly context: NodeJobContext,
    readonly spec: JobSpec,
    restored: boolean,
  ) {
    const { config } = context;
    this.#log = prefixed(context.log, `job ${spec.job}: `);
    const { recoveryDeadlineMs, repairDelayMs } = config;
    this.#place = new TreePlace(spec, ({ epoch, subtree }) => {
      this.#try(() => this.#record.replanted({ ...spec, epoch, subtree }));
      this.#relay.replant(epoch, subtree.children);
    });
    this.#record = new JobRecord(`${config.store.directory}/jobs/${spec.job}`);
    const stays = (): boolean => (this.isOrphan = this.#layer.staysByItself);
    const onLost = (error: TeesError): void => void (stays() || this.#endSoon(error, false));
    this.#parent = new Parent({ job: spec.job, self: context.self, recoveryDeadlineMs, onLost });
    this.#layer = new NodeLayer(spec, this.#record, context, {
      openStore: (manifest, arrivals) => this.#use.openStore(manifest, arrivals),
      onOrder: (...order) => this.#relay.setOrder(...order),
      onHeld: (unit) => this.#relay.unitHeld(unit),
      onBlocked: (first, count) => this.#supply.want(first, count),
      onReleased: (...wait) => {
        if (this.#times.waited(...wait) && !this.#ending) this.#event('firstRead');
      },
      onOpened: (manifest) => void this.#prepare(manifest).catch((error: unknown) => this.#fail(error)),
      onFound: () => this.#try(() => this.#checkMilestones()),
      onAlone: () => this.#try(() => this.#parent.opened()),
      onFailed: (error) => this.#fail(error),
      isFedByLogin: () => this.#parent.link?.peer === config.cluster.login.name,
    });
    this.#supply = supplyOf(spec, config, {
      relay: () => this.#relay,
      receive: (unit, body) => this.#receiveUnit(unit, body),
      onFailed: (error) => this.#fail(error),
    });
    this.#uplink = UplinkMeter.of(config, context.self, this.#record.uplink());
    this.#milestones = new Milestones(spec.subtree.runs, {
      event: (...event) => this.#event(...event),
      retireHook: () => this.#use.retireHook(),
      launch: () => void this.#runTask().catch((error: unknown) => this.#fail(error)),
    });
    this.#use = useOf(context, {
      ...{ spec, record: this.#record, restored },
      onOutput: (...output) => this.#parent.ownOutput(...output),
      onUncovered: (program) => this.#times.heldBack(program),
    });
    this.#relay = new JobRelay(
      {
        ...{ spec, children: spec.subtree.children, pieceCount: this.#layer.pieceCount },
        ...{ recoveryDeadlineMs, repairDelayMs, known: this.#record.knownChildren() },
      },
      {
        connect: (node) => context.connect(node),
        readUnit: (unit) => this.#layer.read(unit),
        ...this.#parent.fromBelow,
        onDelivered: () => {
          this.#tellProgress();
          this.#parent.delivered();
        },
        onKnown: (child) => this.#try(() => this.#record.childAnswered(child)),
        onAway: (child, error) => this.#log.warn(`${child} is away: ${error.message}`),
        onLost: ({ name }, error) => {
          this.#log.warn(`lost ${name}: ${error.message}`);
          this.#parent.lost(name, error);
        },
        onUnreadable: (error) => this.#fail(error),
      },
    );
    this.#progressTimer = setInterval(() => this.#tellProgress(), PROGRESS_INTERVAL_MS);
  }

  start(): void {
    try {
      this.#layer.reserve();
      // Whatever anybody is told from here on, a later daemon knows the job, too.
      this.#use.claim();
      this.#record.begin(this.spec, this.#uplink.start);
      this.#event('begun');
      this.#layer.begin().catch((error: unknown) => this.#fail(error));
      this.#parent.ready(this.#layer.stateOf(this.#relay.machine));
    } catch (error) {
      this.#fail(error);
    }
    this.#relay.open().catch((error: unknown) => this.#fail(error));
  }

  /** Instead of `start`; the parent is waited for. Resolves when a parent can be told what is here. */
  async restore(): Promise<void> {
    this.#use.claim();
    await this.#layer.restore().catch((error: unknown) => this.#fail(error));
    this.#log.info(`restored with ${this.#layer.bytesHeld} of ${this.spec.contentBytes} bytes`);
    this.#parent.ready(this.#layer.stateOf(this.#relay.machine));
    this.#parent.wait();
    this.#relay.open().catch((error: unknown) => this.#fail(error));
  }

  /** At the other end of this link is the job's parent, for the first time or again; or it believes so. */
  attach(link: Link, place: Place): void {
    if (this.#place.isStale(place)) return link.post(encodeMessage({ t: 'moved', job: this.spec.job }));
    this.#parent.attach(link);
    this.#place.move(place.epoch, place.subtree);
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
        return this.#use.input.push(message.at, frame.body, message.eof, settled);
      case 'settled':
        return this.#parent.channel.acknowledged(message.of, message.sequences);
      case 'stored':
        return this.#supply.stored(message);
      case 'publish':
        this.#use.publish();
        return this.#relay.stand(message);
      case 'signal':
        settled();
        this.#use.signal(message.signal as NodeJS.Signals);
        return this.#relay.broadcast(message);
      case 'end':
        return this.#endSoon(message.error && TeesError.fromRecord(message.error), true);
      case 'parted':
        return this.#parent.parted();
      case 'tree':
        return this.#place.move(message.epoch, message.subtree);
      default:
        throw new TeesError('MESSAGE_INVALID', `a parent may not send '${message.t}'`, { node: link.peer });
    }
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    return link === this.#parent.link ? this.#parent.linkClosed(error) : this.#relay.linkClosed(link, error);
  }

  /** This node leaves the job, which cannot go on without it. */
  abandon(reason: TeesError): Promise<void> {
    this.#parent.leave(reason);
    return this.end(reason, false);
  }

  /** Tears everything down, whatever happened; those below, too, when the job is over, and does not go on elsewhere. */
  end(error: TeesError | undefined, isOver: boolean): Promise<void> {
    if (!this.#ending) this.hasLeft = !isOver;
    return (this.#ending ??= this.#tearDown(error, isOver));
  }

  #endSoon(error: TeesError | undefined, isOver: boolean): void {
    this.end(error, isOver).catch((thrown: unknown) => this.#log.error(`tearing down: ${String(thrown)}`));
  }

  async #receiveUnit(unit: number, body: Buffer): Promise<void> {
    if (this.#ending || this.#failed) return this.#supply.stop();
    await this.#layer.receive(unit, body);
    this.#checkMilestones();
  }

  async #prepare(manifest: Manifest): Promise<void> {
    // What this job has taken is its own from now on.
    this.context.makeRoom();
    if (!this.#layer.isWaiting) this.#parent.opened();
    if (this.#layer.cargo) this.#supply.opened(manifest, this.#layer.cargo);
    this.#checkMilestones();
    if (!this.spec.subtree.runs) return;
    // After what children wait for has been passed on: writing names takes a while.
    await this.#use.prepare(manifest);
    this.#milestones.prepared();
    this.#checkMilestones();
  }

  #checkMilestones(): void {
    if (!this.#ending && !this.#failed) this.#milestones.check(this.#layer.cargo, this.#layer.complete);
  }

  async #runTask(): Promise<void> {
    const sinceMs = await this.#use.launch();
    if (this.#ending) return;
    this.#milestones.launched();
    this.entrance.open();
    if (sinceMs !== undefined) this.#times.launched(sinceMs);
    const { serving } = this.#use;
    this.#event('launched', serving ? { serving } : {});
    this.#checkMilestones();
    const status = await this.#use.finished();
    this.#times.opened(this.#use.opened);
    this.#milestones.exited();
    this.#times.ended();
    if (!this.#ending) this.#event('exited', { status }, () => this.#use.release());
  }

  /** What cannot be written down fails this job, and not the link by which it was heard. */
  #try(record: () => void): void {
    try {
      if (!this.#ending && !this.#failed) record();
    } catch (error) {
      this.#fail(error);
    }
  }

  #event(...event: Parameters<Parent['event']>): void {
    this.#log.debug(`${event[0]}`);
    this.#parent.event(...event);
  }

  /** The job cannot go on here. Told upwards; the login node ends the job, which comes back as `end`. */
  #fail(thrown: unknown): void {
    if (this.#ending || this.#failed) return;
    this.#failed = true;
    const error = TeesError.from(thrown, 'NODE_FAILED', { node: this.context.self });
    this.#log.error(`${error.code}: ${error.message}`);
    this.entrance.close(error);
    this.#parent.failed(error);
  }

  #tellProgress(): void {
    this.#parent.waits(this.#relay.waits(), this.#use.waits(this.#layer.cargo));
    this.#parent.progress(this.#relay.progress(), this.#milestones.progress(this.#layer.arrived));
  }

  async #tearDown(error: TeesError | undefined, isOver: boolean): Promise<void> {
    this.#log.debug(`tearing down${error ? `: ${error.code}` : ''}`);
    this.entrance.close(error);
    clearInterval(this.#progressTimer);
    this.#supply.stop();
    this.#layer.end();
    this.#times.ended();
    this.#parent.end();
    // Whoever comes after a death from here on has nothing to restore, only to remove.
    this.#record.discard();
    try {
      const childrenGone = isOver ? this.#relay.end(error) : this.#relay.leave();
      await this.#use.remove();
      await childrenGone;
      this.#parent.ownAccount(this.#times, this.#uplink, this.#layer.reusedBytes, this.#use.placed);
    } finally {
      void this.#use.removed.then(() => this.context.capacity.release(this.spec.job));
      await this.#parent.gone();
      this.context.onOver();
    }
  }
}
