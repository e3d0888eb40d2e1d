import { readFileSync, realpathSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import type { ByteReader } from '../../../src/elf/byte-reader.js';
import { readerOf } from '../../../src/elf/byte-reader.js';
import { parseElf } from '../../../src/elf/elf-file.js';
import type { SyntheticElf } from './synthetic-elf.js';
import { syntheticElf } from './synthetic-elf.js';

const DT = { needed: 1, soname: 14, rpath: 15, runpath: 29, flags1: 0x6ffffffb, auxiliary: 0x7ffffffd };
const FULL: Omit<SyntheticElf, 'elfClass' | 'littleEndian'> = {
  interpreter: '/lib/ld.so',
  machine: 21,
  dynamic: [
    [DT.needed, 'libone.so'],
    [DT.auxiliary, 'libmaybe.so'],
    [DT.needed, 'libtwo.so'],
    [DT.soname, 'libself.so'],
    [DT.rpath, '/r'],
    [DT.runpath, '$ORIGIN'],
    [DT.flags1, 0x800],
  ],
};

for (const elfClass of [32, 64] as const) {
  for (const littleEndian of [true, false]) {
    test(`a file of ${elfClass} bits, ${littleEndian ? 'little' : 'big'} endian`, (t) => {
      t.deepEqual(parseElf(readerOf(syntheticElf({ ...FULL, elfClass, littleEndian }))) as unknown, {
        kind: 'elf',
        class: elfClass,
        littleEndian,
        machine: 21,
        type: 'shared',
        interpreter: '/lib/ld.so',
        dynamic: true,
        static: false,
        needed: [
          { name: 'libone.so', optional: false },
          { name: 'libmaybe.so', optional: true },
          { name: 'libtwo.so', optional: false },
        ],
        soname: 'libself.so',
        rpath: '/r',
        runpath: '$ORIGIN',
        noDefaultLibraries: true,
      });
    });
  }
}

const X86 = { elfClass: 64, littleEndian: true } as const;

test('a file without dynamic section and interpreter is static', (t) => {
  const elf = parseElf(readerOf(syntheticElf({ ...X86, type: 2 })));
  t.like(elf, { kind: 'elf', type: 'executable', static: true, dynamic: false });
});

test('static-pie has a dynamic section, and is static', (t) => {
  const elf = parseElf(readerOf(syntheticElf({ ...X86, dynamic: [[DT.flags1, 0x0800_0001]] })));
  t.like(elf, { kind: 'elf', static: true, dynamic: true });
});

test('a library is not static', (t) => {
  t.like(parseElf(readerOf(syntheticElf({ ...X86, dynamic: [] }))), { kind: 'elf', static: false });
});

test('a program of this machine', (t) => {
  const elf = parseElf(readerOf(readFileSync(realpathSync('/bin/sh'))));
  t.is(elf.kind, 'elf');
  t.true(elf.kind === 'elf' && elf.needed.some(({ name }) => name.startsWith('libc.')));
});

test('what is not ELF', (t) => {
  for (const text of ['', '\x7fEL', '#!/bin/sh\n', 'MZ'])
    t.deepEqual(parseElf(readerOf(Buffer.from(text, 'latin1'))), { kind: 'not-elf' });
});

test('cut off anywhere, it is malformed, or loses nothing', (t) => {
  const whole = syntheticElf({ ...X86, ...FULL });
  const expected = parseElf(readerOf(whole));
  const kinds = new Map<string, number>();
  for (let length = 4; length < whole.length; length++) {
    const elf = parseElf(readerOf(whole.subarray(0, length)));
    kinds.set(elf.kind, (kinds.get(elf.kind) ?? 0) + 1);
    if (elf.kind === 'elf') t.deepEqual(elf, expected);
  }
  t.deepEqual([...kinds.keys()], ['malformed']);
});

test('a hostile file gives an answer, and no read is large', (t) => {
  const whole = syntheticElf({ ...X86, ...FULL });
  const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }));
  const property = fc.property(fc.array(change, { minLength: 1, maxLength: 40 }), (changes) => {
    const bytes = Buffer.from(whole);
    for (const [at, value] of changes) bytes[at] = value;
    let read = 0;
    const reader: ByteReader = {
      read: (offset, length) => {
        read += length;
        if (offset < 0 || !Number.isSafeInteger(offset) || length < 0 || length > 2 ** 19)
          throw new Error('read');
        return bytes.subarray(offset, offset + length);
      },
    };
    return ['elf', 'not-elf', 'malformed'].includes(parseElf(reader).kind) && read < 2 ** 22;
  });
  t.notThrows(() => fc.assert(property, { numRuns: 3000 }));
});

test('program headers that claim more than the kernel accepts', (t) => {
  const bytes = syntheticElf({ ...X86, ...FULL });
  bytes.writeUInt16LE(0xffff, 56);
  t.like(parseElf(readerOf(bytes)), { kind: 'malformed', reason: 'too many program headers' });
});
