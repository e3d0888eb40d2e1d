/**
 * What the command read while it started in one run, and for what it waited, from the accounts of its nodes. Paths come
 * from traces, in which also what had arrived already shows; and from waits, of every node. Pure.
 */
import type { ByteString } from '../base/bytes.js';
import type { Manifest } from '../image/manifest.js';
import type { ObservedReads, PathRead } from '../planning/learning.js';
import { decodeContentWaits } from '../wire/learning.js';
import type { Account } from '../wire/account.js';
import { unpackOpened } from '../wire/opened.js';

/** Of several names of a content that was waited for, and that no trace names, the first one counts. */
export function observedReads(accounts: readonly Account[], manifest: Manifest): ObservedReads {
  const ran = accounts.filter(({ task }) => task);
  const opened = earliest(
    ran
      .flatMap((it) => (it.opened ? unpackOpened(it.opened) : []))
      .map(({ path, atMs }) => [path.slice(1), atMs]),
  );
  const waited = earliest(
    ran.flatMap(({ waits }) => decodeContentWaits(waits)).map(({ content, atMs }) => [content, atMs]),
  );
  const paths: PathRead[] = [];
  const named = new Map<number, ByteString>();
  for (const { content, path } of manifest.entries) {
    if (content === undefined) continue;
    const atMs = opened.get(path);
    if (atMs !== undefined) paths.push({ path, atMs });
    if (waited.has(content) && (atMs !== undefined || !named.has(content))) named.set(content, path);
  }
  for (const [content, path] of named)
    if (!opened.has(path)) paths.push({ path, atMs: waited.get(content) as number });
  const seconds = ran.reduce((sum, { task }) => sum + (task?.waited ?? 0), 0) / Math.max(1, ran.length);
  return {
    paths: paths.sort((a, b) => a.atMs - b.atMs),
    // A node may name contents that there are not.
    total: { files: named.size, seconds: Math.round(seconds * 10_000) / 10_000 },
    traced: ran.some((account) => account.opened),
  };
}

/** Each once, at its first moment. */
function earliest<Key>(times: readonly (readonly [Key, number])[]): Map<Key, number> {
  const found = new Map<Key, number>();
  for (const [key, atMs] of times) found.set(key, Math.min(atMs, found.get(key) ?? Infinity));
  return found;
}
