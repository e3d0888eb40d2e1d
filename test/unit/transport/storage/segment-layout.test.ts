import test from 'ava';
import { CHUNK_SIZE_BYTES, SEGMENT_MAX_BYTES, SEGMENT_MIN_BYTES } from '../../../../src/base/limits.js';
import { SegmentLayout } from '../../../../src/transport/storage/segment-layout.js';

const chunkBytes = (): number => CHUNK_SIZE_BYTES;

function segments(layout: SegmentLayout): number[][] {
  return Array.from({ length: layout.segmentCount }, (_, segment) => {
    const units: number[] = [];
    for (let at = layout.firstOf(segment); at < layout.firstOf(segment + 1); at++)
      units.push(layout.unitAt(at));
    return units;
  });
}

test('the document ends a segment, and so does the urgent part', (t) => {
  const layout = new SegmentLayout({
    documentLengths: [10],
    chunkOrder: [2, 0, 1],
    urgentChunks: 1,
    chunkBytes,
  });
  t.deepEqual(segments(layout), [[0], [3], [1, 2]]);
});

test('units lie one behind the other', (t) => {
  const sizes = [7, 300, 11];
  const layout = new SegmentLayout({
    documentLengths: [CHUNK_SIZE_BYTES, 5],
    chunkOrder: [1, 2, 0],
    urgentChunks: 0,
    chunkBytes: (chunk) => sizes[chunk] as number,
  });
  const places = [0, 1, 2, 3, 4].map((at) => layout.placeAt(at));
  t.deepEqual(places, [
    { segment: 0, offset: 0, length: CHUNK_SIZE_BYTES },
    { segment: 0, offset: CHUNK_SIZE_BYTES, length: 5 },
    { segment: 1, offset: 0, length: 300 },
    { segment: 1, offset: 300, length: 11 },
    { segment: 1, offset: 311, length: 7 },
  ]);
  for (let at = 0; at < 5; at++) t.is(layout.positionOf(layout.unitAt(at)), at);
});

test('segments grow, and none is larger than the largest', (t) => {
  const count = 2000;
  const chunkOrder = Array.from({ length: count }, (_, chunk) => chunk);
  const layout = new SegmentLayout({ documentLengths: [1], chunkOrder, urgentChunks: count, chunkBytes });
  const bytes = segments(layout).map((units) => units.length * CHUNK_SIZE_BYTES);
  t.is(bytes[1], 2 * SEGMENT_MIN_BYTES);
  t.is(Math.max(...bytes), SEGMENT_MAX_BYTES);
  t.is(layout.firstOf(layout.segmentCount), layout.unitCount);
});

test('what is known before the document is read stays so', (t) => {
  const documentLengths = [1, 2, 3, 4, 5];
  const before = new SegmentLayout({ documentLengths, chunkOrder: [], urgentChunks: 0, chunkBytes });
  const after = new SegmentLayout({ documentLengths, chunkOrder: [1, 0], urgentChunks: 0, chunkBytes });
  for (let at = 0; at < 5; at++) t.deepEqual(before.placeAt(at), after.placeAt(at));
  t.is(after.firstOf(before.segmentCount), before.unitCount);
});
