import test from 'ava';
import fc from 'fast-check';
import { decodeManifest, encodeManifest } from '../../../src/image/codec.js';
import { randomManifest } from '../../support/random-manifest.js';
import { directory, file, manifestOf, refusal } from '../../support/manifest-parts.js';

const RUNS = 300;

const survives = (bytes: Buffer): boolean => refusal(bytes) === undefined;

test('any manifest comes back as it was', (t) => {
  fc.assert(
    fc.property(randomManifest, (manifest) => {
      t.deepEqual(decodeManifest(encodeManifest(manifest)), manifest);
    }),
    { numRuns: RUNS },
  );
});

test('what a decoder accepts encodes to the same manifest again, whichever bits were flipped', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(randomManifest, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), (manifest, flips) => {
      const bytes = encodeManifest(manifest);
      for (const flip of flips) {
        const bit = flip % (bytes.length * 8);
        bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      }
      if (!survives(bytes)) return;
      accepted++;
      const decoded = decodeManifest(bytes);
      t.deepEqual(decodeManifest(encodeManifest(decoded)), decoded);
    }),
    { numRuns: RUNS * 3 },
  );
  // Digests are raw: a bit flipped there is another valid manifest.
  t.true(accepted > 0);
});

test('a truncated manifest is refused at every length', (t) => {
  const bytes = encodeManifest(manifestOf(directory(''), file('a', 'some text'), file('b')));
  for (let length = 0; length < bytes.length; length++)
    t.false(survives(bytes.subarray(0, length)), `${length}`);
  t.true(survives(bytes));
});

test('a manifest with bytes behind its end is refused', (t) => {
  const bytes = encodeManifest(manifestOf(directory('')));
  t.false(survives(Buffer.concat([bytes, Buffer.from([0])])));
});

test('random bytes behind a valid start are refused without another exception', (t) => {
  const magic = encodeManifest(manifestOf(directory(''))).subarray(0, 8);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (rest) => {
      t.false(survives(Buffer.concat([magic, rest])));
    }),
    { numRuns: RUNS },
  );
});

test('the decoded manifest does not change with the buffer it was decoded from', (t) => {
  const bytes = encodeManifest(manifestOf(directory(''), file('a', 'text', { 'user.k': 'v' })));
  const decoded = decodeManifest(bytes);
  const before = decodeManifest(Buffer.from(bytes));
  bytes.fill(0);
  t.deepEqual(decoded, before);
});
