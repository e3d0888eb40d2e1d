import test from 'ava';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { ByteString } from '../../../src/base/bytes.js';
import { TeesError } from '../../../src/base/errors.js';
import { native } from '../../../src/base/native.js';
import { encodeNamesProgram, encodeRootProgram } from '../../../src/environment/names-program.js';
import type { Entry, Manifest } from '../../../src/image/manifest.js';
import { directory, entry, file, manifestOf, symlink } from '../../support/manifest-parts.js';
import { randomManifest } from '../../support/random-manifest.js';

const FILE_META_BYTES = 4 + 4 + 2 + 1 + 8 + 4 + 2;
const NAMES = ['', 'enter', 'leave', 'file', 'symlink', 'fifo', 'socket', 'whiteout', 'link'];

/** The program as lines: operation, name, and what a link leads to. Without extended attributes. */
function listing(program: Buffer): string[] {
  let at = 4;
  const name = (): string => {
    const length = program.readUInt16LE(at);
    at += 2 + length;
    return program.toString('latin1', at - length, at);
  };
  const lines: string[] = [];
  while (at < program.length) {
    const operation = NAMES[program.readUInt8(at++)] as string;
    const parts = operation === 'leave' ? [operation] : [operation, name()];
    if (operation === 'link') parts.push(name());
    if (['leave', 'file', 'symlink', 'fifo', 'socket'].includes(operation)) at += FILE_META_BYTES;
    if (operation === 'file') at += 12;
    if (operation === 'symlink') parts.push(name());
    lines.push(parts.join(' '));
  }
  return lines;
}

function refusal(manifest: Manifest): TeesError | undefined {
  try {
    encodeNamesProgram(manifest);
    return undefined;
  } catch (error) {
    if (error instanceof TeesError) return error;
    throw error;
  }
}

test('directories are entered and left around what they hold, whatever the byte order of the paths', (t) => {
  const program = encodeNamesProgram(
    manifestOf(directory(''), directory('a'), file('a-b'), file('a/c'), file('b')),
  );
  t.deepEqual(listing(program), [
    'whiteout .tees',
    'enter a',
    'file c',
    'leave',
    'file a-b',
    'file b',
    'leave',
  ]);
});

test('the first name that is written of an inode makes it, the others link to it', (t) => {
  // In byte order `d-` precedes `d/x`; in the tree it follows.
  const program = encodeNamesProgram(
    manifestOf(directory('d'), symlink('d-', 'to'), entry('d/x', 'symlink', { hardlinkTo: 1 })),
  );
  t.deepEqual(listing(program), ['whiteout .tees', 'enter d', 'symlink x to', 'leave', 'link d- d/x']);
});

test('a whiteout below an opaque directory has nothing to hide and is left out', (t) => {
  const program = encodeNamesProgram(
    manifestOf(
      directory('o', { opaque: true }),
      directory('o/p'),
      entry('o/p/w', 'whiteout'),
      entry('w', 'whiteout'),
    ),
  );
  t.deepEqual(listing(program), ['whiteout .tees', 'enter o', 'enter p', 'leave', 'leave', 'whiteout w']);
});

test('the root program holds the root and nothing else', (t) => {
  const program = encodeRootProgram(manifestOf(directory('', { mode: 0o700 }), file('a')));
  t.deepEqual(listing(program), ['leave']);
  t.deepEqual(listing(encodeRootProgram(manifestOf(file('a')))), []);
});

test('any manifest that the scanner can make has a program', (t) => {
  fc.assert(
    fc.property(randomManifest, (manifest) => {
      t.is(encodeNamesProgram(manifest).readUInt32LE(0), 0x314e4d54);
    }),
    { numRuns: 50 },
  );
});

const bytes = (text: string): ByteString => text as ByteString;
const HOSTILE: readonly [title: string, parts: ReturnType<typeof file>[], path?: string][] = [
  ['a path that climbs out', [file('../x')]],
  ['a path with a dot', [directory('a'), file('a/./x')]],
  ['an absolute path', [file('/x')]],
  ['a path that ends in a slash', [directory('a/')]],
  ['a NUL in a name', [file('a\0b')]],
  ['a name that is too long', [file('n'.repeat(256))]],
  ['the reserved name', [file('.tees')]],
  ['something below the reserved name', [directory('.tees'), file('.tees/0')]],
  ['a file without its directory', [file('a/b')]],
  ['a file below a symbolic link', [symlink('a', '/etc'), file('a/b')]],
  ['a root that is no directory', [file('')]],
  ['a mode out of range', [file('a')].map((part) => changed(part, { mode: 0o10000 }))],
  ['an owner out of range', [directory('a', { uid: 2 ** 32 - 1 })]],
  ['a group below zero', [directory('a', { gid: -1 })]],
  ['nanoseconds out of range', [directory('a', { mtimeNanoseconds: 1e9 })]],
  ['a size below zero', [entry('a', 'file', { size: -1 })]],
  ['a content that does not exist', [entry('a', 'file', { size: 1, content: 3 })]],
  ["a size that is not its content's", [file('a', 'four'), entry('b', 'file', { size: 5, content: 0 })]],
  ['a symbolic link to nothing', [entry('a', 'symlink')]],
  ['a hardlink to what is not there', [entry('a', 'file', { hardlinkTo: 7 })]],
  ['a hardlink to another type', [symlink('a', 'x'), entry('b', 'file', { hardlinkTo: 0 })]],
  ['a hardlink to a directory', [directory('a'), directory('b', { hardlinkTo: 0 })]],
  ['a redirect of its own', [directory('a', { xattrs: [xattr('trusted.overlay.redirect')] })]],
  ['the same in the user namespace', [directory('a', { xattrs: [xattr('user.overlay.redirect')] })]],
  ['an attribute without a namespace', [directory('a', { xattrs: [xattr('redirect')] })]],
];

function xattr(name: string): Entry['xattrs'][number] {
  return { name: bytes(name), value: Buffer.from('/x') };
}

function changed(part: ReturnType<typeof file>, more: Partial<Entry>): ReturnType<typeof file> {
  return { ...part, entry: { ...part.entry, ...more } };
}

for (const [title, parts] of HOSTILE) {
  test(`refused: ${title}`, (t) => {
    t.is(refusal(manifestOf(...parts))?.code, 'MANIFEST_INVALID');
  });
}

/** An empty directory, and beside it what a program that breaks out would change. */
function makeTarget(): { target: string; outside: () => string[]; remove: () => void } {
  const parent = mkdtempSync(join(tmpdir(), 'tees-names-'));
  const target = join(parent, 'target');
  mkdirSync(target);
  return {
    target,
    outside: () => readdirSync(parent),
    remove: () => rmSync(parent, { recursive: true, force: true }),
  };
}

async function execute(target: string, program: Buffer): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await native().writeNames(Buffer.from(target), program);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

test('the native side refuses names that are no names', async (t) => {
  const { target, outside, remove } = makeTarget();
  t.teardown(remove);
  for (const name of ['..', '.', '', '../x', 'a/b']) {
    const program = Buffer.concat([
      encodeRootProgram(manifestOf()),
      Buffer.of(7, name.length, 0),
      Buffer.from(name),
    ]);
    t.is((await execute(target, program))?.code, 'EBADMSG', name);
  }
  t.deepEqual([outside(), readdirSync(target)], [['target'], []]);
});

test('the native side survives programs that are cut short or damaged', async (t) => {
  const whole = encodeNamesProgram(
    manifestOf(directory(''), directory('d'), file('d/f', 'x'), symlink('d/s', 'f'), entry('p', 'fifo')),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.nat(whole.length - 1),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
      async (length, flips) => {
        const { target, outside, remove } = makeTarget();
        try {
          const program = Buffer.from(whole.subarray(0, flips.length === 0 ? length : whole.length));
          for (const [at, mask] of flips) program[at % program.length]! ^= mask;
          const error = await execute(target, program);
          t.true(error === undefined || typeof error.code === 'string');
          t.deepEqual(outside(), ['target']);
        } finally {
          remove();
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('a failure names the path, byte for byte', async (t) => {
  const { target, remove } = makeTarget();
  t.teardown(remove);
  const odd = entry('', 'directory').entry;
  const manifest: Manifest = {
    entries: [
      { ...odd, path: bytes('d\xff') },
      { ...odd, path: bytes('d\xff/\xfe'), type: 'fifo' },
    ],
    contents: [],
    digests: Buffer.alloc(0),
  };
  const program = encodeNamesProgram(manifest);
  // The same name twice, at the place of the second: after "enter" its program is repeated.
  const record = program.subarray(program.indexOf(Buffer.of(5, 1, 0, 0xfe)), -(1 + FILE_META_BYTES));
  const twice = Buffer.concat([program.subarray(0, -(1 + FILE_META_BYTES)), record]);
  const error = await execute(target, twice);
  t.is(error?.path, 'd\xff/\xfe');
  t.true(error?.code === 'EEXIST' || error?.code === 'EPERM');
});
