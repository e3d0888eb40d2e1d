/** One job on the login node: prepared, streamed from the root of the tree, followed, ended, and reported. */
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import type { ErrorRecord } from '../base/errors.js';
import { Rate } from '../base/rate.js';
import type { Report } from '../report/report.js';
import { foldHostlist } from '../topology/hostlist.js';
import { JobRelay } from '../transport/job-relay.js';
import type { Settle } from '../transport/job-channel.js';
import type { Link } from '../transport/link.js';
import type { Frame } from '../wire/frame.js';
import { nodesOf } from '../wire/job.js';
import type { Account } from '../wire/account.js';
import type { NodeEvent, OutputPlace, ServingAccount } from '../wire/messages.js';
import type { JobPhase, StreamStatus } from '../wire/jobs.js';
import { NO_WAITS } from '../wire/waits.js';
import type { PresentWaits } from '../wire/waits.js';
import { composeReport } from './compose-report.js';
import type { LoginJobOptions } from './job-options.js';
import { InputCredit } from './input-credit.js';
import { observedReads } from './observed-reads.js';
import type { ObservedReads } from '../planning/learning.js';
import { OutputProgress } from './output-progress.js';
import { Membership } from './membership.js';
import { SourceUnits } from './source-units.js';
import { JobStall } from './stall-policies.js';
import { StorageDelivery } from './storage-delivery.js';
import { streamStatus } from './stream-status.js';

const STALL_CHECK_INTERVAL_MAX_MS = 1000;

export class LoginJob {
  readonly #relay: JobRelay;
  readonly #exits = new Map<string, number>();
  readonly #accounts = new Map<string, Account>();
  readonly #serving = new Map<string, ServingAccount>();
  readonly #errors: ErrorRecord[] = [];
  readonly #units: SourceUnits;
  readonly #storage: StorageDelivery | undefined;
  readonly #stall: JobStall;
  readonly #rate = new Rate(systemClock);
  readonly #stallTimer: NodeJS.Timeout;
  readonly #input = new InputCredit();
  readonly #output = new OutputProgress();
  readonly #membership: Membership;
  /** Those that have the whole layer. */
  readonly #complete = new Set<string>();
  #delivered = false;
  #ended = false;
  #over: () => void = () => {};

  constructor(private readonly options: LoginJobOptions) {
    const { spec, deployment, port } = options;
    this.#units = new SourceUnits(deployment);
    this.#stall = new JobStall(options.stall, systemClock, {
      moved: () => this.#moved() + (this.#storage?.bytesWritten ?? 0),
      lacking: () => foldHostlist(this.#membership.present.filter((node) => !this.#complete.has(node))),
      warn: (text) => port.onWarning(text),
      fail: (error) => this.fail(error),
    });
    const stallCheckMs = Math.min(STALL_CHECK_INTERVAL_MAX_MS, options.stall.deadlineMs / 2);
    this.#stallTimer = setInterval(() => this.#delivered || this.#stall.check(), stallCheckMs);
    this.#membership = new Membership(
      {
        ...options.loss,
        tree: deployment.tree,
        width: deployment.width,
        nodes: deployment.nodes,
        groupOf: (node) => deployment.groupOf(node),
        isProxy: (node) => deployment.isProxy(node),
        now: () => options.timeline.now(),
      },
      {
        replant: (epoch, subtrees) => this.#relay.replant(epoch, subtrees),
        warn: (text) => port.onWarning(text),
        fail: (error) => this.fail(error),
      },
    );
    const { recoveryDeadlineMs, repairDelayMs } = options;
    const pieces = { children: deployment.subtrees, pieceCount: this.#units.pieceCount };
    this.#relay = new JobRelay(
      { spec, ...pieces, recoveryDeadlineMs, repairDelayMs },
      {
        connect: (node) => port.connect(node),
        readUnit: (unit) => this.#units.read(unit),
        onWanted: () => {}, // The source holds everything.
        onEvents: (events, settled) => {
          for (const event of events) this.#onEvent(event);
          settled();
        },
        onOutput: (place, bytes, settled) => this.#onOutput(place, bytes, settled),
        onAccount: (account, settled) => {
          this.#accounts.set(account.node, account);
          settled();
        },
        onProgress: () => {
          this.#rate.observe(this.#moved());
          port.onProgress(this.#relay.progress());
        },
        onAway: () => {}, // The log has the lost link already.
        // Who gets another parent may miss something that its old parent has said to be everywhere.
        onDelivered: () => {},
        onStranded: (child) => this.#membership.away(child),
        onBack: (child) => this.#membership.back(child),
        onSlow: (child) => this.#membership.slow(child),
        onLost: (subtree, error) => this.#onLost(subtree.name, error.toRecord()),
        onUnreadable: (error) => this.fail(error),
      },
    );
    this.#storage =
      options.storage &&
      new StorageDelivery(options.storage, deployment, this.#units, {
        onStored: (segments) => this.#relay.stand({ t: 'stored', job: spec.job, segments }),
        onFailed: (error) => this.fail(TeesError.from(error, 'SHARED_STORAGE_FAILED')),
      });
  }

  /** Resolves when the job is over on every node, with its report. */
  async run(): Promise<Report> {
    const { deployment } = this.options;
    const { pieceCount } = this.#units;
    const over = new Promise<void>((resolve) => (this.#over = resolve));
    for (let piece = 0; piece < pieceCount; piece++) this.#relay.unitHeld(piece);
    this.#relay.setOrder(deployment.chunkOrder, deployment.urgentChunks);
    for (const chunk of deployment.chunkOrder) this.#relay.unitHeld(pieceCount + chunk);
    this.#storage?.start();
    await this.#relay.open();
    await over;
    clearInterval(this.#stallTimer);
    await this.#storage?.remove();
    await this.#units.close();
    return this.#report();
  }

  /** The job cannot go on: everything is torn down. The first reason is the one that is reported. */
  fail(error: TeesError): void {
    if (this.#ended) return;
    this.#errors.push(error.toRecord());
    this.#end(error);
    this.options.port.onFailed();
  }

  status(): StreamStatus {
    const { deployment } = this.options;
    const { urgentBytes, launched, exited } = this.#relay.progress();
    this.#rate.observe(this.#moved());
    const carriers = this.#membership.members.length;
    return streamStatus({
      ...{ nodes: this.#membership.present.length, launched, exited, bytes: this.#moved() },
      bytesTotal: carriers * (deployment.urgentBytes + deployment.hystereticBytes),
      urgentBytes,
      urgentTotal: carriers * deployment.urgentBytes,
      bytesPerSecond: this.#rate.perSecond,
      stall: this.#stall.state,
      away: this.#relay.away().flatMap((subtree) => [...nodesOf(subtree)].map(({ name }) => name)),
      lost: this.#membership.lost,
      present: this.present,
      moving: !this.#delivered && !this.#ended,
    });
  }

  get phase(): JobPhase {
    return this.#ended ? 'ending' : this.#delivered ? 'delivered' : 'streaming';
  }

  /** Reads that wait now. */
  get present(): PresentWaits {
    return this.#ended ? NO_WAITS : this.#relay.waits();
  }

  get allLaunched(): boolean {
    return this.#membership.present.every((node) => this.options.timeline.has(node, 'launched'));
  }

  /** Once it is over; undefined when a task was cut short, which says little of the next run. Those that came in end before. */
  get reads(): ObservedReads | undefined {
    if (!this.#tasksEnded && !this.options.spec.resident) return undefined;
    return observedReads([...this.#accounts.values()], this.options.deployment.source.manifest);
  }

  signal(signal: string): void {
    this.#relay.broadcast({ t: 'signal', job: this.options.spec.job, signal });
  }

  /** @throws TeesError MESSAGE_INVALID when it is more than there was credit for */
  input(bytes: Buffer, eof: boolean): void {
    const at = this.#input.spend(bytes.length);
    this.#relay.routeInput(this.options.spec.inputNode, at, eof, bytes, () => {
      this.#input.taken(bytes.length);
      if (bytes.length > 0) this.options.port.onInputCredit(bytes.length);
    });
  }

  ownsLink(link: Link): boolean {
    return this.#relay.ownsLink(link);
  }

  receive(link: Link, frame: Frame): void {
    this.#relay.receive(link, frame);
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    this.#relay.linkClosed(link, error);
  }

  /** Of a node that is in the tree, below the child that has told it. */
  #onEvent({ node, event, status, serving, error }: NodeEvent): void {
    const member = this.#membership.find(node);
    if (!member) return;
    const reason = error ?? { code: 'NODE_FAILED', message: `${node} gave no reason`, node };
    if (event === 'away') return this.#membership.away(node);
    if (event === 'back') return this.#membership.back(node);
    if (event === 'slow') return this.#membership.slow(node);
    if (event === 'lost' || reason.code === 'JOB_OVER') return this.#onLost(node, reason);
    this.#membership.heard(node);
    if (event === 'failed') return this.fail(TeesError.fromRecord(reason));
    // A borrowed proxy node runs nothing.
    if (!member.runs && event !== 'urgent' && event !== 'delivered') return;
    this.options.timeline.event(node, event);
    if (event === 'urgent') this.options.port.onUrgent(node);
    if (event === 'delivered' && this.#complete.add(node)) this.#checkDelivered();
    if (serving) this.#serving.set(node, serving);
    if (event === 'launched') this.#onLaunched(node);
    if (event === 'exited' && !this.#exits.has(node)) {
      this.#exits.set(node, status ?? 0);
      this.#checkOver();
    }
  }

  #onLaunched(node: string): void {
    const { spec, port } = this.options;
    if (spec.placement) this.#checkPublish();
    else if (node === spec.inputNode) port.onInputCredit(this.#input.open());
  }

  /** What is to be put in its place is written on every node: there it may appear. */
  #checkPublish(): void {
    const { job, placement } = this.options.spec;
    if (placement && this.allLaunched) this.#relay.stand({ t: 'publish', job });
  }

  /** Settled when the command has taken it. */
  async #onOutput(place: OutputPlace, bytes: Buffer, settled: Settle): Promise<void> {
    const fresh = this.#output.fresh(place, bytes);
    const waiting = fresh && this.options.port.onOutput(place.node, place.stream, fresh);
    if (waiting) await this.#stall.pauseWhile(waiting);
    settled();
  }

  /** Also after the end has begun: who did not live to tear down is in the report. */
  #onLost(node: string, error: ErrorRecord): void {
    const late = this.#membership.lose(node, error);
    if (late) this.#errors.push(late);
    this.#checkPublish();
    this.#checkDelivered();
    this.#checkOver();
  }

  #moved(): number {
    const { urgentBytes, hystereticBytes } = this.#relay.progress();
    return urgentBytes + hystereticBytes;
  }

  #checkDelivered(): void {
    if (this.#delivered || !this.#membership.members.every((node) => this.#complete.has(node))) return;
    this.#delivered = true;
    this.options.port.onDelivered();
    this.#checkOver();
  }

  #checkOver(): void {
    if (this.#tasksEnded && (this.#delivered || !this.options.complete)) this.#end();
  }

  get #tasksEnded(): boolean {
    return this.#membership.present.every((node) => this.#exits.has(node));
  }

  #end(error?: TeesError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#membership.end();
    this.#storage?.stop();
    const over = (): void => this.#over();
    this.#relay.end(error).then(over, over);
  }

  #report(): Report {
    const { spec, deployment, timeline } = this.options;
    const { nodes, present, lost, losses } = this.#membership;
    return composeReport({
      ...{ spec, deployment, timeline, nodes, present, lost, losses },
      serving: [...this.#serving.values()],
      exits: this.#exits,
      accounts: [...this.#accounts.values()],
      errors: this.#errors,
      bytesSent: this.#relay.bytesSent + (this.#storage?.bytesWritten ?? 0),
    });
  }
}
