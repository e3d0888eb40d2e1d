/**
 * Scans an upper layer: the manifest of everything in it, and a source for its chunks.
 * The walk runs in a worker thread (scan-worker.ts); here it is started, awaited and, if asked, given up.
 */
import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { fromText } from '../base/bytes.js';
import type { ErrorRecord } from '../base/errors.js';
import { TeesError } from '../base/errors.js';
import type { FileUser } from '../base/native.js';
import { decodeManifest } from '../image/codec.js';
import type { Manifest } from '../image/manifest.js';
import { LayerReader } from './layer-reader.js';
import { openRoot } from './locations.js';
import type { Owners } from './owners.js';
import type { ScanMessage, ScanRequest } from './scan-worker.js';
import type { LayerSource } from './source.js';
import type { WalkProgress } from './walk.js';

export interface ScanOptions {
  /** Where digests are kept between scans; without it every scan reads every file. */
  readonly cacheFile?: string;
  /** Of what is in the directory, this name alone, with what is below it. */
  readonly only?: string;
  readonly signal?: AbortSignal;
  /** On whose behalf; without it, whoever this process is. */
  readonly user?: FileUser;
  /** Of a private environment: its files belong to whom they belong inside. */
  readonly owners?: Owners;
  /** A few times a second. */
  onProgress?(progress: Readonly<WalkProgress>): void;
}

export interface ScanStatistics extends Readonly<WalkProgress> {
  readonly manifestBytes: number;
}

export interface ScannedLayer extends LayerSource {
  readonly statistics: ScanStatistics;
}

/** The worker stands beside this file once compiled. */
const WORKER = new URL('./scan-worker.js', import.meta.url);

/**
 * @param root the upper layer directory; its entries' names may be any bytes, its own path is text
 * @throws TeesError LAYER_NOT_FOUND, LAYER_FORBIDDEN, LAYER_UNREADABLE, LAYER_UNSUPPORTED, LAYER_DEVICE_NODE, LAYER_CHANGED,
 *   LAYER_TOO_LARGE; the signal's reason when it is aborted
 */
export async function scanLayer(root: string, options: ScanOptions = {}): Promise<ScannedLayer> {
  const { cacheFile, signal, owners } = options;
  signal?.throwIfAborted();
  const rootFd = openRoot(root, options.user);
  try {
    const only = options.only === undefined ? {} : { only: fromText(options.only) };
    const caching = cacheFile === undefined ? {} : { cacheFile };
    const request = { rootFd, ...only, ...caching, ...(owners ? { owners } : {}) };
    const { manifest, cache, progress } = await runWorker(request, options);
    if (cacheFile !== undefined && cache) await replaceFile(cacheFile, cache);
    signal?.throwIfAborted();
    const statistics = { ...progress, manifestBytes: manifest.length };
    return new Scanned(rootFd, decodeManifest(Buffer.from(manifest)), statistics);
  } catch (error) {
    closeSync(rootFd);
    throw error;
  }
}

class Scanned extends LayerReader implements ScannedLayer {
  constructor(
    rootFd: number,
    manifest: Manifest,
    readonly statistics: ScanStatistics,
  ) {
    super(rootFd, manifest);
  }
}

type Done = Extract<ScanMessage, { kind: 'done' }>;

async function runWorker(request: ScanRequest, options: ScanOptions): Promise<Done> {
  // Not the process's own options: those for `node -e`, say, make no sense for a file.
  const worker = new Worker(WORKER, { workerData: request, execArgv: [] });
  const abort = new AbortController();
  try {
    return await new Promise<Done>((resolve, reject) => {
      worker.on('message', (message: ScanMessage) => {
        if (message.kind === 'progress') options.onProgress?.(message.progress);
        else if (message.kind === 'failed') reject(revive(message.error));
        else resolve(message);
      });
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('the scan ended without a result')));
      const giveUp = (): void => reject(options.signal?.reason as Error);
      options.signal?.addEventListener('abort', giveUp, { signal: abort.signal });
    });
  } finally {
    abort.abort();
    // Only when the thread is gone may its root descriptor be closed; Node closes those that it had opened.
    await worker.terminate();
  }
}

/** The record's path is already text for a person. */
function revive(record: ErrorRecord): TeesError {
  const path = record.path === undefined ? {} : { path: fromText(record.path) };
  return new TeesError(record.code, record.message, { ...record, ...path });
}

/** A cache that cannot be written costs time, no more: the next scan reads every file again. */
async function replaceFile(file: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(unfinished, bytes, { mode: 0o600 });
    await rename(unfinished, file);
  } catch {
    await rm(unfinished, { force: true });
  }
}
