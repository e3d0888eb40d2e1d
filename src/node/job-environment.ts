/**
 * The execution environment of one job on this node, from its directories to its removal: names layer and hook
 * are put in place while contents arrive, the task is launched, and nothing is left when it is removed.
 */
import { dirname } from 'node:path';
import { TeesError, assert } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { directoriesBelow, prepareDirectories, removeDirectories } from '../environment/directories.js';
import type { JobDirectories, RunningTask } from '../environment/environment.js';
import { launch } from '../environment/launch.js';
import { overlaySource } from '../environment/plan.js';
import { writeNamesLayer } from '../environment/names-layer.js';
import type { Manifest } from '../image/manifest.js';
import type { UncoveredProgram } from '../planning/uncovered.js';
import type { HookServer } from '../serving/hook.js';
import { chosen, hookEngine, resolveLayout } from '../serving/hooks.js';
import type { HookEngine, ServingChoice, ServingUse } from '../serving/hooks.js';
import { attempt } from '../serving/probe.js';
import { CONTENT_LABEL, preloadDirectory, preloadLayout, preloadVariables } from '../serving/preload.js';
import type { Arrivals } from '../store/arrivals.js';
import { JobStore } from '../store/job-store.js';
import type { Settle } from '../transport/job-channel.js';
import type { JobSpec } from '../wire/job.js';
import { stallGuard } from './stall-guard.js';
import type { StallGuard } from './stall-guard.js';
import { TaskInput } from './task-input.js';

export interface JobEnvironmentOptions {
  readonly spec: JobSpec;
  readonly node: string;
  readonly bind: readonly string[];
  /** What this node takes where the job leaves it open. */
  readonly serving: ServingChoice;
  /** Directories of the daemon's own that no environment shows. */
  readonly hidden: readonly string[];
  /** Of this job, below the node's store. */
  readonly directory: string;
  readonly log: Log;
  /** @param at so many bytes of the stream were before these, which are kept by the launcher until they are settled */
  onOutput(stream: 'stdout' | 'stderr', at: number, bytes: Buffer, settled: Settle): Promise<void>;
  /** A program of the task waits for everything. */
  onUncovered?(program: UncoveredProgram): void;
}

/** How often it is looked whether a task has ended while something still waits for a content. */
const WATCH_INTERVAL_MS = 250;

export class JobEnvironment {
  readonly input = new TaskInput();
  #directories: JobDirectories | undefined;
  #store: JobStore | undefined;
  #arrivals: Arrivals | undefined;
  #hook: HookServer | undefined;
  #serving: ServingUse | undefined;
  #opening: Promise<void> | undefined;
  #preparing: Promise<void> | undefined;
  #launching: Promise<RunningTask> | undefined;
  #task: RunningTask | undefined;
  #watch: NodeJS.Timeout | undefined;
  #stall: StallGuard | undefined;
  readonly #abort = new AbortController();
  #failServing: (error: TeesError) => void = () => {};
  readonly #servingGone: Promise<never>;

  constructor(private readonly options: JobEnvironmentOptions) {
    this.#servingGone = new Promise((_resolve, reject) => (this.#failServing = reject));
    this.#servingGone.catch(() => {}); // heard by `finished`, if the task ever ran
    if (options.spec.inputNode !== options.node) this.input.end();
  }

  /** Room for the contents. */
  async openStore(manifest: Manifest, arrivals: Arrivals): Promise<JobStore> {
    this.#arrivals = arrivals;
    this.#opening = this.#makeDirectories();
    await this.#opening;
    if (this.#abort.signal.aborted) throw new TeesError('JOB_ENDED', 'the job ended before it had begun');
    this.#store = JobStore.create({
      manifest,
      directories: this.#directories as JobDirectories,
      arrivals,
      // Without children nobody asks for a chunk again.
      ...(this.options.spec.subtree.children.length === 0 ? { cacheMaxBytes: 0 } : {}),
    });
    const { spec } = this.options;
    this.#stall = stallGuard(spec.onStall, {
      deadlineMs: spec.stallDeadlineMs,
      moved: () => (this.#store as JobStore).bytesHeld,
      complete: () => (this.#store as JobStore).complete,
      onStalled: () => this.#failWaits(),
      onMoving: () => this.#resumeWaits(),
    });
    return this.#store;
  }

  /** Puts the names layer and the hook in place. */
  prepare(manifest: Manifest): Promise<void> {
    this.#preparing = this.#prepare(manifest);
    return this.#preparing;
  }

  /** What serves it, from `prepare` on. */
  get serving(): ServingUse {
    assert(this.#serving, 'the environment has been prepared');
    return this.#serving;
  }

  /** Resolves when the task's program runs. */
  async launch(): Promise<void> {
    const { spec, bind, hidden, node, log } = this.options;
    const { argv, cwd, uid, gid, groups } = spec;
    const directories = this.#directories as JobDirectories;
    const env = { ...spec.env, TEES_JOB: spec.job, TEES_NODE: node };
    const isPreload = this.serving.hook === 'preload';
    this.#launching = launch(
      {
        directories,
        layout: this.serving.layout,
        bind,
        hidden,
        ...(isPreload ? { hookDirectory: preloadDirectory(directories.served) } : {}),
        identity: { uid, gid, groups },
      },
      // When everything is there, as it is for a command that the library does not reach, nothing waits.
      { argv, env: isPreload && !this.#arrivals?.complete ? preloadVariables(env) : env, cwd },
      { abort: this.#abort.signal },
    );
    this.#task = await this.#launching;
    for (const note of this.#task.notes ?? []) log.info(`job ${spec.job}: ${note}`);
    this.input.attach(this.#task.stdin, this.#task.inputFrom);
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
    const task = this.#task as RunningTask;
    await Promise.all([this.#forward(task, 'stdout'), this.#forward(task, 'stderr')]);
    const { status } = await task.exit;
    clearInterval(this.#watch);
    return status;
  }

  /** The exit status is known where it matters: the launcher may forget it. */
  release(): void {
    this.#task?.release();
  }

  signal(signal: NodeJS.Signals): void {
    this.#task?.signal(signal);
  }

  /** Ends what runs and removes everything. Each step goes on whatever the one before it met. */
  async remove(): Promise<void> {
    this.#abort.abort();
    this.#stall?.stop();
    clearInterval(this.#watch);
    const steps: (() => unknown)[] = [
      () => this.#opening,
      () => this.#task?.kill(),
      () => this.#arrivals?.fail(),
      () => this.#preparing,
      () => this.#launching,
      () => this.#task?.exit,
      () => this.#hook?.stop(),
      () => this.#store?.close(),
      () => this.#directories && removeDirectories(this.#directories),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        this.options.log.warn(`job ${this.options.spec.job}: tearing down: ${String(error)}`);
      }
    }
  }

  /** What was begun is removed; what was there before is another's. */
  async #makeDirectories(): Promise<void> {
    try {
      this.#directories = await prepareDirectories(this.options.directory);
    } catch (error) {
      const another = error instanceof TeesError && error.code === 'JOB_EXISTS';
      if (!another) this.#directories = directoriesBelow(this.options.directory);
      throw error;
    }
  }

  /**
   * A process that waits for a content cannot be killed before it has its answer, and would keep a task from ending
   * that was killed or has left it behind (serving/fuse-native.ts). Nobody wants that answer any more.
   */
  #releaseTheDying(): void {
    if (this.#arrivals?.blocked().length === 0 || !this.#task?.isEnding()) return;
    this.#arrivals?.fail();
  }

  #failWaits(): void {
    const { log, spec } = this.options;
    log.warn(`job ${spec.job}: nothing comes any more; reads of what is missing fail until it does`);
    this.#hook?.fail();
  }

  #resumeWaits(): void {
    const { log, spec } = this.options;
    log.info(`job ${spec.job}: the stream goes on`);
    this.#hook?.unfail();
  }

  async #prepare(manifest: Manifest): Promise<void> {
    const directories = this.#directories as JobDirectories;
    const sizes = manifest.contents.map((content) => content.size);
    this.#hook = (await this.#chooseEngine()).create({
      jobDirectory: directories.root,
      directory: directories.served,
      contentCount: sizes.length,
      sizeOf: (content) => sizes[content] as number,
      pathOf: (content) => (this.#store as JobStore).contentPath(content),
      arrivals: this.#arrivals as Arrivals,
      job: { uid: this.options.spec.uid, source: overlaySource(directories) },
      onGone: (error) => this.#onServingGone(error),
      onUncovered: (program) => this.options.onUncovered?.(program),
    });
    const names = this.serving.hook === 'preload' ? { label: CONTENT_LABEL } : {};
    // Both have come to an end before anything is removed.
    const steps = await Promise.allSettled([
      writeNamesLayer(manifest, directories, names),
      this.#hook.start(),
    ]);
    for (const step of steps) if (step.status === 'rejected') throw step.reason;
  }

  #onServingGone(error: TeesError): void {
    // Nobody needs it any more for what he opens from now on.
    if (this.#arrivals?.complete) this.options.log.warn(`${error.message}, after everything had arrived`);
    else this.#failServing(error);
  }

  async #chooseEngine(): Promise<HookEngine> {
    const { spec, serving, log } = this.options;
    const { hook, fuseEngine, layout } = chosen(spec, serving);
    const engine = hookEngine(hook, fuseEngine);
    // Where all jobs are: what is tried there holds for this one.
    const canDataOnly = async (): Promise<boolean> =>
      (await attempt(dirname(this.options.directory))).data === 0;
    const used = hook === 'preload' ? preloadLayout(layout) : await resolveLayout(layout, canDataOnly);
    this.#serving = { hook, engine: engine.name, layout: used };
    log.debug(`job ${spec.job}: hook ${hook} by ${engine.name}, layout ${this.#serving.layout}`);
    return engine;
  }

  async #forward(task: RunningTask, stream: 'stdout' | 'stderr'): Promise<void> {
    let at = task.outputFrom[stream];
    for await (const bytes of task[stream] as AsyncIterable<Buffer>) {
      await this.options.onOutput(stream, at, bytes, () => task.outputTaken(stream, bytes.length));
      at += bytes.length;
    }
  }
}
