/** Names layer and hook of one job on a node: put in place, or found there as an earlier daemon has left them. */
import { dirname } from 'node:path';
import { assert } from '../base/errors.js';
import type { TeesError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { emptyNames, endServed } from '../environment/directories.js';
import type { JobDirectories } from '../environment/environment.js';
import { wasLaunched } from '../environment/launch.js';
import { writeNamesLayer } from '../environment/names-layer.js';
import { overlaySource } from '../environment/plan.js';
import type { Manifest } from '../image/manifest.js';
import type { UncoveredProgram } from '../planning/uncovered.js';
import type { HookServer } from '../serving/hook.js';
import { chosen, hookEngine, resolveLayout } from '../serving/hooks.js';
import type { HookEngine, ServingChoice, ServingUse } from '../serving/hooks.js';
import { CONTENT_LABEL, preloadLayout } from '../serving/preload.js';
import { attempt } from '../serving/probe.js';
import type { Arrivals } from '../store/arrivals.js';
import type { JobStore } from '../store/job-store.js';
import type { JobSpec } from '../wire/job.js';
import type { JobRecord } from './job-record.js';

export interface PreparationOptions {
  readonly spec: JobSpec;
  readonly serving: ServingChoice;
  readonly record: JobRecord;
  readonly restored: boolean;
  readonly directories: JobDirectories;
  readonly store: JobStore;
  readonly arrivals: Arrivals;
  readonly log: Log;
  /** What serves has gone, after it had been in place. */
  onGone(error: TeesError): void;
  onUncovered(program: UncoveredProgram): void;
}

export class Preparation {
  #hook: HookServer | undefined;
  #serving: ServingUse | undefined;
  #inPlace = false;

  constructor(private readonly options: PreparationOptions) {}

  get serving(): ServingUse {
    assert(this.#serving, 'the environment has been prepared');
    return this.#serving;
  }

  /** @throws TeesError, when both have come to an end, so that what they have made can be removed */
  async run(manifest: Manifest): Promise<void> {
    const engine = await this.#chooseEngine();
    const steps = await Promise.allSettled([this.#writeNames(manifest), this.#serve(engine, manifest)]);
    for (const step of steps) if (step.status === 'rejected') throw step.reason;
    this.options.record.prepared();
  }

  /** Opens of what has not arrived fail, until `unfail`. */
  fail(): void {
    this.#hook?.fail();
  }

  unfail(): void {
    this.#hook?.unfail();
  }

  async stop(): Promise<void> {
    await this.#hook?.stop();
  }

  async #chooseEngine(): Promise<HookEngine> {
    const { spec, serving, directories, log } = this.options;
    const { hook, fuseEngine, layout } = chosen(spec, serving);
    const engine = hookEngine(hook, fuseEngine);
    // Where all jobs are: what is tried there holds for this one.
    const canDataOnly = async (): Promise<boolean> => (await attempt(dirname(directories.root))).data === 0;
    const used = hook === 'preload' ? preloadLayout(layout) : await resolveLayout(layout, canDataOnly);
    this.#serving = { hook, engine: engine.name, layout: used };
    log.debug(`job ${spec.job}: hook ${hook} by ${engine.name}, layout ${used}`);
    return engine;
  }

  async #writeNames(manifest: Manifest): Promise<void> {
    const { restored, record, directories } = this.options;
    if (record.isPrepared) return;
    if (restored) await emptyNames(directories);
    const names = this.serving.hook === 'preload' ? { label: CONTENT_LABEL } : {};
    await writeNamesLayer(manifest, directories, names);
  }

  async #serve(engine: HookEngine, manifest: Manifest): Promise<void> {
    const { restored, record, directories, store, log, spec } = this.options;
    const sizes = manifest.contents.map((content) => content.size);
    if (restored) {
      this.#hook = this.#create(engine, sizes);
      try {
        await this.#hook.resume();
        this.#inPlace = record.isPrepared;
        if (this.#inPlace) return;
      } catch (error) {
        if (wasLaunched(directories) && !store.complete) throw error;
        if (!record.isPrepared) log.debug(`job ${spec.job}: ${String(error)}`);
        // What has arrived never meets the hook.
        else log.warn(`job ${spec.job}: its hook is no more: ${String(error)}`);
        if (wasLaunched(directories)) return;
      }
      // Of a daemon that was killed while it prepared, or whose hook has ended with it: from scratch.
      await this.#hook.stop();
      endServed(directories);
    }
    this.#hook = this.#create(engine, sizes);
    await this.#hook.start();
    this.#inPlace = true;
  }

  #create(engine: HookEngine, sizes: readonly number[]): HookServer {
    const { spec, directories, store, arrivals } = this.options;
    return engine.create({
      jobDirectory: directories.root,
      directory: directories.served,
      contentCount: sizes.length,
      sizeOf: (content) => sizes[content] as number,
      pathOf: (content) => store.contentPath(content),
      arrivals,
      job: { uid: spec.uid, source: overlaySource(directories) },
      onGone: (error) => this.#inPlace && this.options.onGone(error),
      onUncovered: (program) => this.options.onUncovered(program),
    });
  }
}
