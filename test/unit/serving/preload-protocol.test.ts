/** The bytes that hooks/preload/protocol-vectors.txt has for both sides, as the daemon's side reads and writes them. */
import test from 'ava';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { UNCOVERED_REASONS } from '../../../src/planning/uncovered.js';
import { ANSWERS, decodeRequest, encodeReply } from '../../../src/serving/preload-protocol.js';
import type { Answer } from '../../../src/serving/preload-protocol.js';

const FILE = new URL('../../../../hooks/preload/protocol-vectors.txt', import.meta.url).pathname;
const vectors = (kind: string): string[][] =>
  readFileSync(FILE, 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([first]) => first === kind)
    .map(([, ...rest]) => rest);
const bytes = (hex: string | undefined): Buffer => Buffer.from(hex ?? '', 'hex');

test('each request is read as it was meant', (t) => {
  const requests = vectors('request');
  t.true(requests.length >= 8);
  for (const [kind, reason, descriptor, hex] of requests) {
    const request = decodeRequest(bytes(hex));
    t.is(request?.kind, kind === '1' ? 'file' : 'all');
    t.is(request?.reason === undefined ? 0 : UNCOVERED_REASONS[request.reason], Number(reason));
    t.is(request?.descriptor, Number(descriptor));
  }
});

test('what is no request is refused', (t) => {
  t.true(vectors('no-request').length >= 11);
  for (const [hex] of vectors('no-request')) t.is(decodeRequest(bytes(hex)), undefined, hex);
});

test('each answer has its bytes', (t) => {
  const names = Object.keys(ANSWERS) as Answer[];
  t.is(vectors('reply').length, names.length);
  for (const [answer, hex] of vectors('reply'))
    t.deepEqual(encodeReply(names[Number(answer)] as Answer), bytes(hex));
});

test('whatever comes, it is a request or nothing', (t) => {
  const valid = bytes(vectors('request')[0]?.[3]);
  const changed = fc.array(fc.tuple(fc.nat(15), fc.nat(255)), { maxLength: 4 }).map((changes) => {
    const copy = Buffer.from(valid);
    for (const [at, byte] of changes) copy[at] = byte;
    return copy;
  });
  const any = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(fc.oneof(any, changed), (input) => {
      const request = decodeRequest(input);
      return request === undefined || (input.length === 16 && request.descriptor >= 0);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
