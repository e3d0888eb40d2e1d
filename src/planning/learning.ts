/**
 * What earlier runs of a command have read while they started, and what follows from it for the next one
 * (docs/decisions/0013-learning.md). Pure; `learnt-codec.ts` turns it into bytes and back.
 */
import type { ByteString } from '../base/bytes.js';
import {
  LEARNT_FORGET_RUNS,
  LEARNT_PATHS_MAX,
  LEARNT_RECORD_MAX_BYTES,
  LEARNT_START_MAX_MS,
} from '../base/limits.js';
import { dataSize } from '../image/manifest.js';
import type { LayerFile, LayerIndex } from './layer-index.js';

export interface PathRead {
  /** As in the manifest. */
  readonly path: ByteString;
  /** When the program first asked for it: since its launch, less what it had waited until then. */
  readonly atMs: number;
}

export interface LearntPath extends PathRead {
  /** The number of the run, from 1, that was the last to read it. */
  readonly run: number;
}

/** All that one run waited. */
export interface RunWaits {
  /** Different contents that some node waited for. */
  readonly files: number;
  /** With at least one read blocked, on average over the nodes. */
  readonly seconds: number;
}

/** What one run has read. */
export interface ObservedReads {
  /** Each once, in the order in which the program asked. */
  readonly paths: readonly PathRead[];
  readonly total: RunWaits;
  /** Whether a node has told all that it opened. Otherwise the paths are those that waited, and there may be others. */
  readonly traced: boolean;
}

export interface LearntRecord {
  /** Those that were traced; and one at least. */
  readonly runs: number;
  /** Of the last run. */
  readonly last: RunWaits;
  /** Each once, in the order in which the program asks for them. */
  readonly paths: readonly LearntPath[];
}

/** Beside its path: two numbers and a length. */
const PATH_OVERHEAD_BYTES = 20;

/** The record after one more run. What traced runs do not read any more is forgotten after some of them. */
export function learn(
  record: LearntRecord | undefined,
  { paths: read, total, traced }: ObservedReads,
): LearntRecord {
  const runs = record ? record.runs + Number(traced) : 1;
  const paths = new Map<ByteString, LearntPath>();
  for (const known of record?.paths ?? [])
    if (runs - known.run < LEARNT_FORGET_RUNS) paths.set(known.path, known);
  for (const { path, atMs } of read) paths.set(path, { path, atMs, run: runs });
  return { runs, last: total, paths: bounded([...paths.values()]).sort(byTime) };
}

/** The latest, and of those the first ones, as many as a record may hold. */
function bounded(paths: LearntPath[]): LearntPath[] {
  let bytes = 0;
  return paths
    .sort((a, b) => b.run - a.run || byTime(a, b))
    .slice(0, LEARNT_PATHS_MAX)
    .filter(({ path }) => (bytes += path.length + PATH_OVERHEAD_BYTES) <= LEARNT_RECORD_MAX_BYTES / 2);
}

function byTime(a: PathRead, b: PathRead): number {
  return a.atMs - b.atMs || (a.path < b.path ? -1 : 1);
}

export interface LearntFiles {
  /** Into the urgent part. */
  readonly urgent: readonly LayerFile[];
  /** Right behind the urgent part. */
  readonly first: readonly LayerFile[];
}

/**
 * What is read at start-up goes into the urgent part as far as the budget reaches, in the order in which the program
 * asks: each byte there delays the launch. The rest goes right behind it.
 * @param taken contents that are urgent already
 */
export function chooseLearnt(
  record: LearntRecord,
  index: LayerIndex,
  taken: ReadonlySet<number>,
  budgetBytes: number,
): LearntFiles {
  const urgent: LayerFile[] = [];
  const first: LayerFile[] = [];
  const seen = new Set(taken);
  let bytesLeft = budgetBytes;
  for (const { path, atMs } of record.paths) {
    const file = index.file(path);
    const content = file?.content === undefined ? undefined : index.manifest.contents[file.content];
    if (!file || file.content === undefined || !content || seen.has(file.content)) continue;
    seen.add(file.content);
    const bytes = dataSize(content);
    const fits = atMs <= LEARNT_START_MAX_MS && bytes <= bytesLeft;
    if (fits) bytesLeft -= bytes;
    (fits ? urgent : first).push(file);
  }
  return { urgent, first };
}
