/**
 * The execution environment of one job on this node, from its directories to its removal: names layer and hook
 * are put in place while contents arrive, the task is launched, and nothing is left when it is removed.
 */
import { constants } from 'node:os';
import { assert } from '../base/errors.js';
import type { TeesError } from '../base/errors.js';
import { inTurn } from '../base/lifecycle.js';
import type { JobDirectories, RunningTask } from '../environment/environment.js';
import { adopt, findLauncher, launch, launchedSinceMs, wasLaunched } from '../environment/launch.js';
import type { Manifest } from '../image/manifest.js';
import type { ServingUse } from '../serving/hooks.js';
import type { Arrivals } from '../store/arrivals.js';
import type { JobStore } from '../store/job-store.js';
import type { JobEnvironmentOptions } from './job-environment-options.js';
import { JobFiles } from './job-files.js';
import type { LayerUse } from './layer-use.js';
import { Preparation } from './preparation.js';
import { Retirement } from './retirement.js';
import { readTrace } from './opens-trace.js';
import type { OpenedFile } from '../wire/opened.js';
import { NO_WAITS } from '../wire/waits.js';
import type { PresentWaits } from '../wire/waits.js';
import type { Cargo } from './cargo.js';
import { mountNamespaceOf } from './entrance.js';
import type { EntranceFacts } from './entrance.js';
import { stallGuard } from './stall-guard.js';
import type { StallGuard } from './stall-guard.js';
import { TaskInput } from './task-input.js';
import { whatToLaunch } from './what-to-launch.js';
import { WaitingReads } from './waiting-reads.js';

/** How often it is looked whether a task has ended while something still waits for a content. */
const WATCH_INTERVAL_MS = 250;
/** Of a task whose launcher was killed. */
const STATUS_KILLED = 128 + constants.signals.SIGKILL;

export class JobEnvironment implements LayerUse {
  readonly input = new TaskInput();
  /** What the task has opened while it started, when it has ended and that was asked for. */
  opened: readonly OpenedFile[] | undefined;
  readonly placed = undefined;
  readonly #files: JobFiles;
  #preparation: Preparation | undefined;
  #preparing: Promise<void> | undefined;
  #launching: Promise<RunningTask | undefined> | undefined;
  #task: RunningTask | undefined;
  #watch: NodeJS.Timeout | undefined;
  readonly #retirement = new Retirement(() => this.#task?.retireHook());
  #stall: StallGuard | undefined;
  /** The status of a task that has no launcher any more. */
  #ended: number | undefined;
  #reads: WaitingReads | undefined;
  readonly #abort = new AbortController();
  #failServing: (error: TeesError) => void = () => {};
  readonly #servingGone: Promise<never>;

  constructor(private readonly options: JobEnvironmentOptions) {
    this.#files = new JobFiles(options);
    this.#servingGone = new Promise((_resolve, reject) => (this.#failServing = reject));
    this.#servingGone.catch(() => {}); // heard by `finished`, if the task ever ran
    if (options.spec.inputNode !== options.node) this.input.end();
  }

  claim(): void {
    this.#files.claim();
  }

  async openStore(manifest: Manifest, arrivals: Arrivals): Promise<JobStore> {
    const store = await this.#files.open(manifest, arrivals);
    const { spec, node } = this.options;
    const { demand } = spec;
    this.#reads = new WaitingReads({ node, demand, store, arrivals });
    this.#stall = stallGuard(spec.onStall, {
      deadlineMs: spec.stallDeadlineMs,
      moved: () => store.bytesHeld + (store.shared?.bytesOnTheWay ?? 0),
      complete: () => store.complete,
      onStalled: () => this.#failWaits(),
      onMoving: () => this.#resumeWaits(),
    });
    return store;
  }

  waits(cargo: Cargo | undefined): PresentWaits {
    return (cargo && this.#reads?.now(cargo)) ?? NO_WAITS;
  }

  /** Puts the names layer and the hook in place. */
  prepare(manifest: Manifest): Promise<void> {
    const { spec, serving, record, restored, log } = this.options;
    const preparation = new Preparation({
      spec,
      serving,
      record,
      restored,
      log,
      directories: this.#files.directories,
      store: this.#files.store,
      arrivals: this.#files.arrivals as Arrivals,
      onGone: (error) => this.#onServingGone(error),
      onUncovered: (program) => this.options.onUncovered?.(program),
    });
    this.#preparation = preparation;
    this.#preparing = preparation.run(manifest);
    return this.#preparing;
  }

  /** What serves it, from `prepare` on. */
  get serving(): ServingUse {
    assert(this.#preparation, 'the environment is being prepared');
    return this.#preparation.serving;
  }

  /**
   * Resolves when the task's program runs, or is known to have run.
   * @returns how long it has run already, in milliseconds
   */
  async launch(): Promise<number> {
    const { directories } = this.#files;
    if (this.options.restored && wasLaunched(directories)) await this.#adopt(directories);
    else this.#follow(await this.#launch(directories));
    return this.options.restored ? launchedSinceMs(directories) : 0;
  }

  entrance(): EntranceFacts {
    const complete = this.#files.arrivals?.complete ?? false;
    const { directories } = this.#files;
    const { task } = whatToLaunch({ ...this.options, directories, use: this.serving, complete });
    return { ...mountNamespaceOf(this.#task?.initPid()), allow: this.options.allow, env: task.env };
  }

  /** Without a launcher it has ended, and this daemon or an earlier one had heard how; or else it was killed. */
  async #adopt(directories: JobDirectories): Promise<void> {
    const [command = ''] = this.options.spec.argv;
    const launching = adopt(directories, command);
    this.#launching = launching;
    const task = await launching;
    if (task) this.#follow(task);
    else this.#ended = this.options.record.exitStatus() ?? STATUS_KILLED;
  }

  #launch(directories: JobDirectories): Promise<RunningTask> {
    const complete = this.#files.arrivals?.complete ?? false;
    const { environment, task } = whatToLaunch({ ...this.options, directories, use: this.serving, complete });
    const launching = launch(environment, task, { abort: this.#abort.signal });
    this.#launching = launching;
    return launching;
  }

  #follow(task: RunningTask): void {
    const { spec, log } = this.options;
    this.#task = task;
    for (const note of task.notes ?? []) log.info(`job ${spec.job}: ${note}`);
    this.input.attach(task.stdin, task.inputFrom);
    this.#watch = setInterval(() => this.#releaseTheDying(), WATCH_INTERVAL_MS);
  }

  /**
   * The task's exit status, when all its output has been passed on and its processes are gone. Rejects when what
   * serves it goes before: whatever it opens from then on fails.
   */
  finished(): Promise<number> {
    return Promise.race([this.#finish(), this.#servingGone]);
  }

  async #finish(): Promise<number> {
    if (this.#ended !== undefined) return this.#ended;
    const task = this.#task as RunningTask;
    await Promise.all([this.#forward(task, 'stdout'), this.#forward(task, 'stderr')]);
    const { status } = await task.exit;
    this.opened = await readTrace(this.#files.directories, this.options);
    clearInterval(this.#watch);
    this.#recordExit(status);
    return status;
  }

  /** A store that the task itself has filled costs nothing: until the status is known above, the launcher has it. */
  #recordExit(status: number): void {
    try {
      this.options.record.exited(status);
    } catch (error) {
      this.#warn(`its exit status is not recorded: ${String(error)}`);
    }
  }

  /** The exit status is known where it matters: the launcher may forget it. */
  release(): void {
    this.#task?.release();
  }

  /** Everything has arrived: what the task opens from now on needs neither hook nor daemon. */
  retireHook(): void {
    this.options.log.info(`job ${this.options.spec.job}: everything is here; the hook retires`);
    this.#retirement.begin();
  }

  publish(): void {}

  signal(signal: NodeJS.Signals): void {
    this.#task?.signal(signal);
  }

  /**
   * Ends what runs and removes everything; of very many files some may still be on their way out, out of everybody's
   * sight. Each step goes on whatever the one before it met.
   */
  async remove(): Promise<void> {
    this.#abort.abort();
    this.#stall?.stop();
    clearInterval(this.#watch);
    this.#retirement.stop();
    let orphan: RunningTask | undefined;
    const steps: (() => unknown)[] = [
      () => this.#files.end(),
      () => this.#task?.kill(),
      async () => {
        // A task of an earlier daemon that nobody has asked for yet.
        const { claimed } = this.#files;
        if (!this.options.restored || this.#task || !claimed) return;
        orphan = await findLauncher(claimed);
        orphan?.kill();
      },
      () => this.#files.arrivals?.fail(),
      () => this.#preparing,
      () => this.#launching,
      () => this.#task?.exit,
      () => orphan?.exit,
      () => this.#preparation?.stop(),
      () => this.#files.close(),
      () => this.#files.remove(),
    ];
    await inTurn(steps, (error) => this.#warn(`tearing down: ${String(error)}`));
  }

  /** From `remove` on: when the last of its files is gone. */
  get removed(): Promise<void> {
    return this.#files.removed;
  }

  /**
   * A process that waits for a content cannot be killed before it has its answer, and would keep a task from ending
   * that was killed or has left it behind (serving/fuse-native.ts). Nobody wants that answer any more.
   */
  #releaseTheDying(): void {
    if (this.#files.arrivals?.blocked().length === 0 || !this.#task?.isEnding()) return;
    this.#files.arrivals?.fail();
  }

  #failWaits(): void {
    this.#warn(`nothing comes any more; reads of what is missing fail until it does`);
    this.#preparation?.fail();
  }

  #resumeWaits(): void {
    const { log, spec } = this.options;
    log.info(`job ${spec.job}: the stream goes on`);
    this.#preparation?.unfail();
  }

  #warn(what: string): void {
    this.options.log.warn(`job ${this.options.spec.job}: ${what}`);
  }

  #onServingGone(error: TeesError): void {
    // Nobody needs it any more for what he opens from now on.
    if (this.#files.arrivals?.complete) this.#warn(`${error.message}, after everything had arrived`);
    else this.#failServing(error);
  }

  async #forward(task: RunningTask, stream: 'stdout' | 'stderr'): Promise<void> {
    let at = task.outputFrom[stream];
    for await (const bytes of task[stream] as AsyncIterable<Buffer>) {
      await this.options.onOutput(stream, at, bytes, () => task.outputTaken(stream, bytes.length));
      at += bytes.length;
    }
  }
}
