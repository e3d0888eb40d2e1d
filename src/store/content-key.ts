/** What a content is known by, wherever it came from: equal keys, equal bytes and equal holes. Pure. */
import { createHash } from 'node:crypto';
import { isWithoutHoles } from '../image/content-columns.js';
import type { Content, Manifest } from '../image/manifest.js';
import { DIGEST_SIZE_BYTES } from '../base/limits.js';

/** 32 bytes, a character each. */
export type ContentKey = string & { readonly brand: 'ContentKey' };

/** Keeps a content of several chunks apart from a small one that holds nothing but their digests. */
const SEVERAL_CHUNKS = 'content of several chunks, or with holes\n';

export type ContentsOnly = Pick<Manifest, 'contents' | 'digests'>;

/** Of a single chunk without holes: its digest. */
export function contentKey(manifest: ContentsOnly, index: number): ContentKey {
  const content = manifest.contents[index] as Content;
  const digests = digestsOf(manifest, content);
  if (content.chunkCount === 1 && isWithoutHoles(content)) return keyOf(digests);
  const hash = createHash('sha256').update(SEVERAL_CHUNKS);
  hash.update(JSON.stringify([content.size, content.extents])).update(digests);
  return keyOf(hash.digest());
}

export function keyOf(digest: Buffer): ContentKey {
  return digest.toString('latin1') as ContentKey;
}

export function chunkKey({ digests }: ContentsOnly, chunk: number): ContentKey {
  return keyOf(digests.subarray(chunk * DIGEST_SIZE_BYTES, (chunk + 1) * DIGEST_SIZE_BYTES));
}

/** Of its chunks, in order. */
export function digestsOf({ digests }: ContentsOnly, { firstChunk, chunkCount }: Content): Buffer {
  return digests.subarray(firstChunk * DIGEST_SIZE_BYTES, (firstChunk + chunkCount) * DIGEST_SIZE_BYTES);
}
