/** What earlier runs of the same command have read while they started, as part of a split. */
import type { ByteString } from '../base/bytes.js';
import { fromText } from '../base/bytes.js';
import { dataSize } from '../image/manifest.js';
import type { CommandKey } from './command-key.js';
import type { LayerFile, LayerIndex } from './layer-index.js';
import { chooseLearnt } from './learning.js';
import type { LearntRecord } from './learning.js';
import type { Share, SplitLearnt } from './split.js';
import type { UrgentSet } from './urgent-set.js';

export interface Recalled {
  /** Undefined: the command has not run yet. */
  readonly record: LearntRecord | undefined;
  /** So much of it goes into the urgent part. */
  readonly budgetBytes: number;
}

/** What is remembered; undefined when nobody can be asked. */
export type Recall = (key: CommandKey) => Promise<Recalled | undefined>;

/** Stands where other reasons name who needs the file. */
export const EARLIER_RUN: ByteString = fromText('an earlier run');

/** @returns undefined when nobody was, or could be, asked */
export async function addLearnt(
  index: LayerIndex,
  urgent: UrgentSet,
  key: CommandKey,
  recall: Recall | undefined,
): Promise<{ share: SplitLearnt; firstContents: number[] } | undefined> {
  const recalled = await recall?.(key);
  if (!recalled) return undefined;
  const { record, budgetBytes } = recalled;
  if (!record)
    return { share: { key, urgent: shareOf(index, []), first: shareOf(index, []) }, firstContents: [] };
  const chosen = chooseLearnt(record, index, urgent.contents, budgetBytes);
  for (const file of chosen.urgent) urgent.addLayerFile(file, 'learnt', EARLIER_RUN);
  return {
    share: {
      key,
      lastRun: record.last,
      urgent: shareOf(index, chosen.urgent),
      first: shareOf(index, chosen.first),
    },
    firstContents: chosen.first.map((file) => file.content as number),
  };
}

function shareOf(index: LayerIndex, files: readonly LayerFile[]): Share {
  const contents = files.map((file) => index.manifest.contents[file.content as number]);
  return {
    files: files.length,
    bytes: contents.reduce((sum, content) => sum + (content ? dataSize(content) : 0), 0),
  };
}
