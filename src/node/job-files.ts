/** The directory of one job on this node and the store in it, from the claim to the removal. */
import { TeesError, assert } from '../base/errors.js';
import { claimDirectory, directoriesBelow, fillDirectory } from '../environment/directories.js';
import type { JobDirectories } from '../environment/environment.js';
import { RESERVED_TOP_LEVEL_NAME } from '../image/manifest.js';
import type { Manifest } from '../image/manifest.js';
import type { Removals } from '../environment/removals.js';
import type { Arrivals } from '../store/arrivals.js';
import type { ContentCache } from '../store/content-cache.js';
import { JobContents } from '../store/job-contents.js';
import { JobStore } from '../store/job-store.js';
import type { JobSpec } from '../wire/job.js';
import type { JobRecord } from './job-record.js';

export interface JobFilesOptions {
  readonly spec: JobSpec;
  /** In the job's directory, below the node's store. */
  readonly record: JobRecord;
  /** An earlier daemon had the job: what it has put in place is used. */
  readonly restored: boolean;
  readonly removals: Removals;
  readonly cache: ContentCache;
}

export class JobFiles {
  #directories: JobDirectories | undefined;
  #arrivals: Arrivals | undefined;
  #contents: JobContents | undefined;
  #store: JobStore | undefined;
  #opening: Promise<void> | undefined;
  #removed = Promise.resolve();
  #isOver = false;

  constructor(private readonly options: JobFilesOptions) {}

  /** The job's directory: it is removed in the end. @throws TeesError JOB_EXISTS: it is another's */
  claim(): void {
    const { directory } = this.options.record;
    if (!this.options.restored) claimDirectory(directory);
    this.#directories = directoriesBelow(directory);
  }

  /** Undefined as long as it has not been claimed. */
  get claimed(): JobDirectories | undefined {
    return this.#directories;
  }

  get directories(): JobDirectories {
    assert(this.#directories, 'the directory has been claimed');
    return this.#directories;
  }

  get store(): JobStore {
    assert(this.#store, 'the store has been opened');
    return this.#store;
  }

  /** Undefined as long as the store has not been opened. */
  get arrivals(): Arrivals | undefined {
    return this.#arrivals;
  }

  /** Room for the contents. @param onStored a chunk is here, verified and kept. @throws TeesError STORE_FULL, STORE_FAILED; JOB_ENDED */
  async open(manifest: Manifest, arrivals: Arrivals, onStored?: () => void): Promise<JobStore> {
    this.#arrivals = arrivals;
    this.#opening = this.#open(manifest, arrivals, onStored);
    await this.#opening;
    return this.store;
  }

  async #open(manifest: Manifest, arrivals: Arrivals, onStored?: () => void): Promise<void> {
    const directories = await fillDirectory(this.options.record.directory);
    if (this.#isOver) throw new TeesError('JOB_ENDED', 'the job ended before it had begun');
    this.#contents = new JobContents(this.options.cache, manifest);
    const options = {
      manifest,
      directories,
      arrivals,
      shared: this.#contents,
      ...(onStored ? { onStored } : {}),
      // Without children nobody asks for a chunk again.
      ...(this.options.spec.subtree.children.length === 0 ? { cacheMaxBytes: 0 } : {}),
    };
    this.#store = this.options.restored ? await JobStore.restore(options) : JobStore.create(options);
  }

  /** The job is over: no store is opened any more. Resolves, or rejects, when none is being opened. */
  end(): Promise<void> | undefined {
    this.#isOver = true;
    return this.#opening;
  }

  /** Nothing more is taken. */
  async close(): Promise<void> {
    this.#contents?.stop();
    await this.#store?.close();
  }

  /** What later jobs could use stays on the node; everything else goes. */
  async remove(): Promise<void> {
    if (!this.#directories) return;
    const contents = this.#contents;
    const { ended } = await this.options.removals.remove(this.#directories, async (root) =>
      contents?.leave((content) => `${root}/contents/${RESERVED_TOP_LEVEL_NAME}/${content}`),
    );
    this.#removed = ended;
  }

  /** From `remove` on: when the last of the files is gone. */
  get removed(): Promise<void> {
    return this.#removed;
  }
}
