/** The thread of one scan: walks, builds and encodes, so that the daemon's event loop goes on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ByteString } from '../base/bytes.js';
import type { ErrorRecord } from '../base/errors.js';
import { TeesError, assert } from '../base/errors.js';
import { encodeManifest } from '../image/codec.js';
import { DigestCache } from './digest-cache.js';
import { buildManifest } from './manifest-builder.js';
import type { Owners } from './owners.js';
import type { WalkProgress } from './walk.js';
import { LayerWalk } from './walk.js';

export interface ScanRequest {
  /** Stays open as long as the worker lives. */
  readonly rootFd: number;
  readonly cacheFile?: string;
  readonly only?: ByteString;
  readonly owners?: Owners;
}

export type ScanMessage =
  | { readonly kind: 'progress'; readonly progress: WalkProgress }
  | { readonly kind: 'failed'; readonly error: ErrorRecord }
  | {
      readonly kind: 'done';
      readonly progress: WalkProgress;
      readonly manifest: Uint8Array;
      /** To be written to the cache file; absent when it need not change. */
      readonly cache?: Uint8Array;
    };

const PROGRESS_INTERVAL_MS = 100;

function scan({ rootFd, cacheFile, only, owners }: ScanRequest, post: (message: ScanMessage) => void): void {
  const startedNs = BigInt(Date.now()) * 1_000_000n;
  const cache = DigestCache.load(cacheFile);
  let reportedMs = performance.now();
  const walk = new LayerWalk(rootFd, cache, () => {
    if (performance.now() - reportedMs < PROGRESS_INTERVAL_MS) return;
    reportedMs = performance.now();
    post({ kind: 'progress', progress: walk.progress });
  });
  const manifest = encodeManifest(buildManifest(walk.run(only), owners));
  const encodedCache = cacheFile === undefined ? undefined : cache.encode(startedNs);
  const { progress } = walk;
  post({ kind: 'done', progress, manifest, ...(encodedCache ? { cache: encodedCache } : {}) });
}

assert(parentPort, 'the scan runs in a worker thread');
const port = parentPort;
try {
  scan(workerData as ScanRequest, (message) => port.postMessage(message));
} catch (error) {
  // A bug of ours reaches the parent as the worker's `error` event.
  if (!(error instanceof TeesError)) throw error;
  port.postMessage({ kind: 'failed', error: error.toRecord() } satisfies ScanMessage);
}
