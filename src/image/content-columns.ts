/**
 * Contents as columns. Only sizes and extents are written: where a content's chunks begin and how many they
 * are follows from them, so that it cannot be wrong.
 */
import { assert } from '../base/errors.js';
import { CHUNK_SIZE_BYTES, MANIFEST_EXTENTS_MAX } from '../base/limits.js';
import type { ColumnReader } from './columns.js';
import { ColumnWriter } from './columns.js';
import type { Content } from './manifest.js';
import { dataSize } from './manifest.js';
import { checkSize, invalid } from './rules.js';

/** Instead of a number of extents: one extent, the whole file. */
const NO_HOLES = 0;
/** An extent is two varints. */
const EXTENT_LEAST_BYTES = 2;

export function chunksOf(dataBytes: number): number {
  return Math.ceil(dataBytes / CHUNK_SIZE_BYTES);
}

export function isWithoutHoles({ extents, size }: Content): boolean {
  return extents.length === 2 && extents[0] === 0 && extents[1] === size;
}

export function encodeContents(contents: readonly Content[]): ColumnWriter[] {
  const sizes = new ColumnWriter();
  const extentCounts = new ColumnWriter();
  const extents = new ColumnWriter();
  let chunks = 0;
  for (const content of contents) {
    assert(content.firstChunk === chunks, 'chunks are numbered in order of contents');
    assert(content.chunkCount === chunksOf(dataSize(content)), 'a content has as many chunks as its data');
    chunks += content.chunkCount;
    sizes.varint(content.size);
    if (isWithoutHoles(content)) {
      extentCounts.varint(NO_HOLES);
      continue;
    }
    extentCounts.varint(content.extents.length / 2);
    let end = 0;
    for (let i = 0; i < content.extents.length; i += 2) {
      const [offset, length] = [content.extents[i] as number, content.extents[i + 1] as number];
      extents.varint(offset - end);
      extents.varint(length);
      end = offset + length;
    }
  }
  return [sizes, extentCounts, extents];
}

/** @param chunkCount the digests that are there: the contents must use exactly these */
export function decodeContents(body: ColumnReader, count: number, chunkCount: number): Content[] {
  const sizes = body.column();
  const extentCounts = body.column();
  const extents = body.column();
  if (count > sizes.remaining) throw invalid('it has fewer contents than it says');
  const contents: Content[] = [];
  let firstChunk = 0;
  let extentsLeft = MANIFEST_EXTENTS_MAX;
  for (let i = 0; i < count; i++) {
    const size = sizes.varint();
    checkSize(size);
    if (size === 0) throw invalid('a content is empty');
    const extentCount = extentCounts.count(extents, EXTENT_LEAST_BYTES, extentsLeft);
    extentsLeft -= extentCount;
    const ranges = extentCount === NO_HOLES ? [0, size] : decodeExtents(extents, extentCount, size);
    const content = { size, extents: ranges, firstChunk, chunkCount: 0 };
    content.chunkCount = chunksOf(dataSize(content));
    firstChunk += content.chunkCount;
    if (firstChunk > chunkCount) throw invalid('it has fewer digests than chunks');
    contents.push(content);
  }
  if (firstChunk !== chunkCount) throw invalid('it has more digests than chunks');
  for (const column of [sizes, extentCounts, extents]) column.end();
  return contents;
}

function decodeExtents(column: ColumnReader, count: number, size: number): number[] {
  const ranges: number[] = [];
  let end = 0;
  for (let i = 0; i < count; i++) {
    const gap = column.varint();
    const length = column.varint();
    if (length === 0) throw invalid('an extent is empty');
    if (gap === 0 && i > 0) throw invalid('two extents touch');
    // Each term is a safe integer, and their sum is checked before it can lose precision.
    if (gap > size || length > size || end + gap + length > size)
      throw invalid('an extent is outside its file');
    ranges.push(end + gap, length);
    end += gap + length;
  }
  return ranges;
}
