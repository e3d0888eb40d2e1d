/**
 * What earlier runs of a command have waited for, and what follows from it for the next one
 * (docs/decisions/0013-learning.md). Pure; `learnt-codec.ts` turns it into bytes and back.
 *
 * A path that is sent before the launch does not wait, so its not waiting says nothing. After LEARNT_TRIAL_RUNS
 * runs it goes right behind the urgent part instead: there it either waits again, and is renewed, or is
 * forgotten after LEARNT_FORGET_RUNS.
 */
import type { ByteString } from '../base/bytes.js';
import {
  LEARNT_FORGET_RUNS,
  LEARNT_PATHS_MAX,
  LEARNT_RECORD_MAX_BYTES,
  LEARNT_START_MAX_MS,
  LEARNT_TRIAL_RUNS,
} from '../base/limits.js';
import { dataSize } from '../image/manifest.js';
import type { LayerFile, LayerIndex } from './layer-index.js';
import { neighbours } from './neighbours.js';

/** What one run waited for. */
export interface PathWait {
  /** As in the manifest. */
  readonly path: ByteString;
  /** When the program first asked for it: since its launch, less what it had waited until then. */
  readonly atMs: number;
  /** How long, on average over the nodes. */
  readonly waitedMs: number;
}

export interface LearntPath extends PathWait {
  /** The number of the run, from 1, that was the last to wait for it. */
  readonly run: number;
}

/** All that one run waited. */
export interface RunWaits {
  /** Different contents that some node waited for. */
  readonly files: number;
  /** With at least one read blocked, on average over the nodes. */
  readonly seconds: number;
}

export interface LearntRecord {
  readonly runs: number;
  /** Of the last run. */
  readonly last: RunWaits;
  /** Each once, in the order in which the program asks for them. */
  readonly paths: readonly LearntPath[];
}

/** Beside its path: three numbers and a length. */
const PATH_OVERHEAD_BYTES = 24;

/** The record after one more run. */
export function learn(
  record: LearntRecord | undefined,
  waits: readonly PathWait[],
  last: RunWaits,
): LearntRecord {
  const runs = (record?.runs ?? 0) + 1;
  const paths = new Map<ByteString, LearntPath>();
  for (const known of record?.paths ?? [])
    if (runs - known.run < LEARNT_FORGET_RUNS) paths.set(known.path, known);
  for (const wait of waits) paths.set(wait.path, { ...wait, run: runs });
  return { runs, last, paths: bounded([...paths.values()]).sort(byTime) };
}

/** The latest, and of those the longest waits, as many as a record may hold. */
function bounded(paths: LearntPath[]): LearntPath[] {
  let bytes = 0;
  return paths
    .sort((a, b) => b.run - a.run || b.waitedMs - a.waitedMs || byTime(a, b))
    .slice(0, LEARNT_PATHS_MAX)
    .filter(({ path }) => (bytes += path.length + PATH_OVERHEAD_BYTES) <= LEARNT_RECORD_MAX_BYTES / 2);
}

function byTime(a: PathWait, b: PathWait): number {
  return a.atMs - b.atMs || (a.path < b.path ? -1 : 1);
}

export interface LearntFiles {
  /** Into the urgent part: what has waited. */
  readonly urgent: readonly LayerFile[];
  /** Into the urgent part as well: what stands beside it. */
  readonly beside: readonly LayerFile[];
  /** Right behind the urgent part. */
  readonly first: readonly LayerFile[];
}

/**
 * Into the urgent part go files that were asked for at start-up, those first for which a byte saves the most
 * waiting, as long as they fit into the budget: each byte there delays the launch. Both lists are in the order in
 * which the program asks.
 * @param taken contents that are urgent already
 */
export function chooseLearnt(
  record: LearntRecord,
  index: LayerIndex,
  taken: ReadonlySet<number>,
  budgetBytes: number,
): LearntFiles {
  const candidates: { learnt: LearntPath; file: LayerFile; bytes: number }[] = [];
  const seen = new Set(taken);
  for (const learnt of record.paths) {
    const file = index.file(learnt.path);
    const content = file?.content === undefined ? undefined : index.manifest.contents[file.content];
    if (!file || file.content === undefined || !content || seen.has(file.content)) continue;
    seen.add(file.content);
    candidates.push({ learnt, file, bytes: dataSize(content) });
  }
  const urgent = new Set<LayerFile>();
  let bytesLeft = budgetBytes;
  const worth = candidates.filter(({ learnt }) => isUrgent(learnt, record.runs));
  worth.sort((a, b) => b.learnt.waitedMs / b.bytes - a.learnt.waitedMs / a.bytes);
  for (const { file, bytes } of worth) {
    if (bytes > bytesLeft) continue;
    bytesLeft -= bytes;
    urgent.add(file);
  }
  const files = candidates.map(({ file }) => file);
  const startUp = worth.map(({ file }) => file);
  const { near, far } = neighbours(index, startUp, seen);
  const beside = new Set<LayerFile>();
  for (const file of near) {
    const content = index.manifest.contents[file.content as number];
    const bytes = content ? dataSize(content) : 0;
    if (bytes > bytesLeft) continue;
    bytesLeft -= bytes;
    beside.add(file);
  }
  return {
    urgent: files.filter((file) => urgent.has(file)),
    beside: [...beside],
    first: [
      ...files.filter((file) => !urgent.has(file)),
      ...near.filter((file) => !beside.has(file)),
      ...far,
    ],
  };
}

function isUrgent({ atMs, run }: LearntPath, runs: number): boolean {
  return atMs <= LEARNT_START_MAX_MS && runs - run < LEARNT_TRIAL_RUNS;
}
