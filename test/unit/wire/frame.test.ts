import test from 'ava';
import fc from 'fast-check';
import { TeesError } from '../../../src/base/errors.js';
import { FRAME_BODY_MAX_BYTES } from '../../../src/base/limits.js';
import { FrameDecoder, encodeFrame } from '../../../src/wire/frame.js';
import type { Frame } from '../../../src/wire/frame.js';

function decodeAll(bytes: Buffer, pieces: readonly number[] = []): Frame[] {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  let offset = 0;
  for (const piece of [...pieces, bytes.length]) {
    frames.push(...decoder.push(bytes.subarray(offset, offset + piece)));
    offset += piece;
    if (offset >= bytes.length) break;
  }
  return frames;
}

test('frames come out as they went in, however the bytes are cut', (t) => {
  const header = fc.dictionary(
    fc.string({ maxLength: 8 }).filter((key) => /^[a-z]+$/.test(key)),
    fc.oneof(fc.string(), fc.integer(), fc.boolean()),
  );
  const frame = fc.record({ header, body: fc.uint8Array({ maxLength: 200 }) });
  const property = fc.property(
    fc.array(frame, { maxLength: 5 }),
    fc.array(fc.integer({ min: 1, max: 50 })),
    (frames, cuts) => {
      const bytes = Buffer.concat(frames.map(({ header, body }) => encodeFrame(header, body)));
      const seen = decodeAll(bytes, cuts);
      return (
        seen.length === frames.length &&
        seen.every((one, i) => Buffer.from(frames[i]?.body ?? []).equals(one.body)) &&
        seen.every((one, i) => JSON.stringify(one.header) === JSON.stringify(frames[i]?.header))
      );
    },
  );
  t.notThrows(() => fc.assert(property));
});

test('a flipped bit in prefix or header is refused with FRAME_INVALID, or changes nothing but waiting', (t) => {
  const good = encodeFrame({ t: 'unit', job: 'j', unit: 7 });
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = Buffer.from(good);
    bad.writeUInt8((bad[bit >> 3] as number) ^ (1 << (bit & 7)), bit >> 3);
    const decoder = new FrameDecoder();
    try {
      // A larger length only makes the decoder wait for more; it must not yield a frame.
      t.deepEqual([...decoder.push(bad)], [], `bit ${bit}`);
      t.true(decoder.inFrame);
    } catch (error) {
      t.true(error instanceof TeesError && error.code === 'FRAME_INVALID', `bit ${bit}: ${String(error)}`);
    }
  }
});

test('random bytes never make the decoder throw anything but FRAME_INVALID', (t) => {
  const property = fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
    try {
      return [...new FrameDecoder().push(noise)].length === 0;
    } catch (error) {
      return error instanceof TeesError && error.code === 'FRAME_INVALID';
    }
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2000 }));
});

test('a length beyond the limit is refused before anything is allocated', (t) => {
  const prefix = Buffer.alloc(16);
  prefix.writeUInt32BE(0x54454553, 0);
  prefix.writeUInt32BE(32, 4);
  prefix.writeUInt32BE(FRAME_BODY_MAX_BYTES + 1, 8);
  const error = t.throws(() => [...new FrameDecoder().push(prefix)], { instanceOf: TeesError });
  t.is(error.code, 'FRAME_INVALID');
});

test('a frame that is cut short is seen as such', (t) => {
  const bytes = encodeFrame({ t: 'x' }, Buffer.from('body'));
  for (let length = 1; length < bytes.length; length++) {
    const decoder = new FrameDecoder();
    t.deepEqual([...decoder.push(bytes.subarray(0, length))], []);
    t.true(decoder.inFrame);
  }
});
