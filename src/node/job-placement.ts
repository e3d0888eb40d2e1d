/**
 * What a job carries, put in its place on this node: written out of sight while it arrives, and shown in one step when
 * the login node knows that it is written everywhere (docs/decisions/0020-bcast.md).
 */
import { setImmediate as soon } from 'node:timers/promises';
import { TeesError, assert } from '../base/errors.js';
import { inTurn } from '../base/lifecycle.js';
import type { Log } from '../base/log.js';
import { StagedTree, identityOf, isSame, removeStage, stagePath } from '../environment/staged-tree.js';
import { chunkCountOf, chunkLocation } from '../image/chunks.js';
import type { Manifest } from '../image/manifest.js';
import type { Arrivals } from '../store/arrivals.js';
import type { JobStore } from '../store/job-store.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import type { PlacementSpec } from '../wire/placement.js';
import { NO_WAITS } from '../wire/waits.js';
import type { PresentWaits } from '../wire/waits.js';
import { JobFiles } from './job-files.js';
import type { JobFilesOptions } from './job-files.js';
import type { JobRecord } from './job-record.js';
import type { LayerUse } from './layer-use.js';
import { TaskInput } from './task-input.js';

/** So many chunks, which may all be small and here, are written before others of this daemon have their turn. */
const TURN_CHUNKS = 32;

export interface JobPlacementOptions extends JobFilesOptions {
  readonly placement: PlacementSpec;
  readonly node: string;
  readonly log: Log;
}

/** Whatever a job, of this daemon or an earlier one, has written out of sight. */
export async function removeStaged(record: JobRecord): Promise<void> {
  const note = record.placement();
  if (note) await removeStage(note.stage);
}

export class JobPlacement implements LayerUse {
  readonly input = new TaskInput();
  readonly opened = undefined;
  readonly serving = undefined;
  placed = false;
  readonly #files: JobFiles;
  #stage: StagedTree | undefined;
  #preparing: Promise<void> | undefined;
  #publishing: Promise<void> | undefined;
  #isOver = false;
  #arrived: () => void = () => {};
  readonly #mayAppear: Promise<void>;
  #appear: () => void = () => {};
  #refuse: (reason: TeesError) => void = () => {};

  constructor(private readonly options: JobPlacementOptions) {
    this.#files = new JobFiles(options);
    this.input.end();
    this.#mayAppear = new Promise((resolve, reject) => {
      this.#appear = resolve;
      this.#refuse = reject;
    });
    this.#mayAppear.catch(() => {}); // heard by `finished`, if it came so far
  }

  claim(): void {
    this.#files.claim();
  }

  openStore(manifest: Manifest, arrivals: Arrivals): Promise<JobStore> {
    return this.#files.open(manifest, arrivals, () => this.#arrived());
  }

  /** Resolves when all of it is here and written, out of sight. */
  prepare(manifest: Manifest): Promise<void> {
    this.#preparing = this.#prepare(manifest);
    return this.#preparing;
  }

  async #prepare(manifest: Manifest): Promise<void> {
    const { record, placement, spec, node, restored } = this.options;
    if (restored) await this.#resume();
    if (this.placed) return;
    const path = stagePath(placement.destination, spec.job, node);
    try {
      this.#stage = new StagedTree(placement, path, manifest);
      record.placing({ stage: path });
      this.#stage.begin();
      await this.#write(manifest, this.#stage);
      await this.#stage.finish();
    } catch (error) {
      await this.#discard();
      throw error;
    }
  }

  /** An earlier daemon may have come as far as to show it; else it is begun anew. */
  async #resume(): Promise<void> {
    const { record, placement } = this.options;
    const { identity } = record.placement() ?? {};
    this.placed = record.exitStatus() === 0 || isSame(identity, identityOf(placement.destination));
    if (!this.placed) await removeStaged(record);
  }

  /** In the order in which chunks are sent. */
  async #write(manifest: Manifest, stage: StagedTree): Promise<void> {
    const { store } = this.#files;
    const count = chunkCountOf(manifest);
    for (let chunk = 0; chunk < count; chunk++) {
      while (!store.has(chunk) && !this.#isOver)
        await new Promise<void>((resolve) => (this.#arrived = resolve));
      if (chunk % TURN_CHUNKS === 0) await soon();
      if (this.#isOver) throw ended();
      const body = await store.get(chunk);
      try {
        await stage.write(chunkLocation(manifest, chunk), body);
      } finally {
        chunkBuffers.release(body);
      }
    }
  }

  launch(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  publish(): void {
    this.#appear();
  }

  /** @returns 0, when it is in its place */
  async finished(): Promise<number> {
    await this.#mayAppear;
    if (!this.placed) await (this.#publishing ??= this.#publish());
    return 0;
  }

  async #publish(): Promise<void> {
    const { record, placement } = this.options;
    const stage = this.#stage;
    assert(stage, 'what appears has been written');
    const { identity } = stage;
    // A daemon that is killed from here on may have shown it.
    record.placing({ stage: stage.path, identity });
    try {
      await stage.publish();
      this.placed = true;
    } catch (error) {
      this.placed = isSame(identity, identityOf(placement.destination));
      throw error;
    }
    record.exited(0);
  }

  release(): void {}

  retireHook(): void {}

  signal(): void {}

  entrance(): never {
    throw new TeesError('ENVIRONMENT_FAILED', 'there is no environment: files are put in their places');
  }

  waits(): PresentWaits {
    return NO_WAITS;
  }

  /** Also what has been replaced goes now. */
  async remove(): Promise<void> {
    this.#isOver = true;
    this.#arrived();
    this.#refuse(ended());
    const steps: (() => unknown)[] = [
      () => this.#files.end(),
      () => this.#preparing?.catch(() => {}), // told when it failed
      () => this.#publishing?.catch(() => {}),
      () => this.#discard(),
      () => this.#files.close(),
      () => this.#files.remove(),
    ];
    const { spec, log } = this.options;
    await inTurn(steps, (error) => log.warn(`job ${spec.job}: tearing down: ${String(error)}`));
  }

  get removed(): Promise<void> {
    return this.#files.removed;
  }

  async #discard(): Promise<void> {
    this.#stage?.close();
    this.#stage = undefined;
    if (this.#files.claimed) await removeStaged(this.options.record);
  }
}

function ended(): TeesError {
  return new TeesError('JOB_ENDED', 'the job ended before everything was in its place');
}
