import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import type { ByteString } from '../../../src/base/bytes.js';
import type { LdSoCache } from '../../../src/elf/ld-so-cache.js';
import { parseLdSoCache } from '../../../src/elf/ld-so-cache.js';

const at = (text: string): ByteString => text as ByteString;

interface Row {
  readonly name: string;
  readonly path: string;
  readonly flags?: number;
  readonly hwcap?: bigint;
}

/** A cache of the new format, as glibc's elf/cache.c writes it. */
function makeCache(rows: readonly Row[], hwcaps: readonly string[], littleEndian = true): Buffer {
  const end = 48 + rows.length * 24;
  const texts = [...rows.flatMap(({ name, path }) => [name, path]), ...hwcaps];
  const offsets = new Map<string, number>();
  let strings = '';
  for (const text of texts) {
    offsets.set(text, end + strings.length);
    strings += `${text}\0`;
  }
  const extension = Math.ceil((end + strings.length) / 4) * 4;
  const bytes = Buffer.alloc(extension + 8 + 16 + hwcaps.length * 4);
  const word = (value: number, offset: number): void =>
    void (littleEndian ? bytes.writeUInt32LE(value, offset) : bytes.writeUInt32BE(value, offset));
  bytes.write('glibc-ld.so.cache1.1', 0, 'latin1');
  bytes.write(strings, end, 'latin1');
  word(rows.length, 20);
  word(strings.length, 24);
  bytes[28] = littleEndian ? 2 : 3;
  word(extension, 32);
  rows.forEach(({ name, path, flags, hwcap }, i) => {
    const entry = 48 + i * 24;
    word(flags ?? 0x303, entry);
    word(offsets.get(name) as number, entry + 4);
    word(offsets.get(path) as number, entry + 8);
    if (littleEndian) bytes.writeBigUInt64LE(hwcap ?? 0n, entry + 16);
    else bytes.writeBigUInt64BE(hwcap ?? 0n, entry + 16);
  });
  const section = extension + 24;
  const directory = [0xeaa42174, 1, 1, 0, section, hwcaps.length * 4];
  directory.forEach((value, i) => word(value, extension + i * 4));
  hwcaps.forEach((name, i) => word(offsets.get(name) as number, section + i * 4));
  return bytes;
}

const ROWS: Row[] = [
  { name: 'liba.so', path: '/v3/liba.so', hwcap: (1n << 62n) | (2n << 32n) | 1n },
  { name: 'liba.so', path: '/liba.so' },
  { name: 'libt.so', path: '/tls/libt.so', hwcap: 1n << 63n },
  { name: 'libh.so', path: '/sse2/libh.so', hwcap: 1n },
];
const HWCAPS = ['x86-64-v2', 'x86-64-v3'];
const plain = { flags: 0x303, isaLevel: 0, legacyHwcap: false };
const EXPECTED = [
  [
    'liba.so',
    [
      { path: '/v3/liba.so', flags: 0x303, hwcap: 'x86-64-v3', isaLevel: 2, legacyHwcap: false },
      { path: '/liba.so', ...plain },
    ],
  ],
  ['libt.so', [{ path: '/tls/libt.so', ...plain }]],
  ['libh.so', [{ path: '/sse2/libh.so', ...plain, legacyHwcap: true }]],
];

const all = (cache: LdSoCache | undefined) =>
  ['liba.so', 'libt.so', 'libh.so'].map((name) => [name, cache?.lookUp(at(name))]);

for (const littleEndian of [true, false]) {
  test(`entries with their hwcaps, ${littleEndian ? 'little' : 'big'} endian`, (t) => {
    const cache = parseLdSoCache(makeCache(ROWS, HWCAPS, littleEndian));
    t.deepEqual(all(cache) as unknown, EXPECTED);
  });
}

test('behind a table of the old format', (t) => {
  for (const [count, alignment] of [
    [2, 8],
    [3, 8],
    [3, 4],
  ] as const) {
    const old = Buffer.alloc(Math.ceil((16 + count * 12) / alignment) * alignment);
    old.write('ld.so-1.7.0', 'latin1');
    old.writeUInt32LE(count, 12);
    const cache = parseLdSoCache(Buffer.concat([old, makeCache(ROWS, HWCAPS)]));
    t.deepEqual(all(cache) as unknown, EXPECTED, `${count} entries, aligned to ${alignment}`);
  }
});

test('a number of a subdirectory that the cache does not name matches none', (t) => {
  const cache = parseLdSoCache(makeCache(ROWS, []));
  t.is(cache?.lookUp(at('liba.so'))[0]?.hwcap, at(''));
});

test('what is no cache', (t) => {
  const invalid = makeCache(ROWS, HWCAPS);
  invalid[28] = 1;
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(100), Buffer.from('ld.so-1.7.0'), invalid])
    t.is(parseLdSoCache(bytes), undefined);
});

test('a damaged cache gives an answer', (t) => {
  const whole = makeCache(ROWS, HWCAPS);
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 20 });
  const property = fc.property(changes, fc.nat(whole.length), (places, length) => {
    const bytes = Buffer.from(whole.subarray(0, length));
    for (const [place, value] of places) if (place < length) bytes[place] = value;
    all(parseLdSoCache(bytes));
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2000 }));
});

const file = '/etc/ld.so.cache';
(existsSync(file) && existsSync('/sbin/ldconfig') ? test : test.skip)(
  'this machine: the same as ldconfig -p',
  (t) => {
    const listed = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'latin1' });
    const expected = [...listed.matchAll(/^\t(\S+) \(.*\) => (.*)$/gm)];
    const cache = parseLdSoCache(readFileSync(file));
    const names = [...new Set(expected.map(([, name]) => name as string))];
    const found = names.flatMap((name) => cache?.lookUp(at(name)).map(({ path }) => `${name} ${path}`) ?? []);
    t.true(found.length > 0);
    t.deepEqual(found.toSorted(), expected.map(([, name, path]) => `${name} ${path}`).toSorted());
  },
);
