/** What one run waited for, from the accounts of its nodes: merged by content, named by path. Pure. */
import type { ByteString } from '../base/bytes.js';
import type { Manifest } from '../image/manifest.js';
import type { PathWait, RunWaits } from '../planning/learning.js';
import { decodeContentWaits } from '../wire/learning.js';
import type { Account } from '../wire/messages.js';

export interface ObservedWaits {
  /** In the order in which a node first asked. */
  readonly paths: readonly PathWait[];
  readonly total: RunWaits;
}

/** Averages are over the nodes that ran the command; of several names of a content the first one counts. */
export function observedWaits(accounts: readonly Account[], manifest: Manifest): ObservedWaits {
  const ran = accounts.flatMap(({ task, waits }) => (task ? [{ task, waits }] : []));
  const merged = new Map<number, { atMs: number; waitedMs: number }>();
  for (const { waits } of ran)
    for (const { content, atMs, waitedMs } of decodeContentWaits(waits)) {
      const before = merged.get(content) ?? { atMs, waitedMs: 0 };
      const share = waitedMs / ran.length;
      merged.set(content, { atMs: Math.min(atMs, before.atMs), waitedMs: before.waitedMs + share });
    }
  const paths = new Map<number, ByteString>();
  for (const { content, path } of manifest.entries)
    if (content !== undefined && merged.has(content) && !paths.has(content)) paths.set(content, path);
  const seconds = ran.reduce((sum, { task }) => sum + task.waited, 0) / Math.max(1, ran.length);
  return {
    paths: [...paths]
      .map(([content, path]) => ({ path, ...(merged.get(content) as { atMs: number; waitedMs: number }) }))
      .sort((a, b) => a.atMs - b.atMs),
    // A node may name contents that there are not.
    total: { files: paths.size, seconds: Math.round(seconds * 10_000) / 10_000 },
  };
}
