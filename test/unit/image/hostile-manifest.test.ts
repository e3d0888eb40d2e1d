/** A manifest comes from another machine and is written below a directory by root: what it must never say. */
import test from 'ava';
import type { ByteString } from '../../../src/base/bytes.js';
import { decodeManifest, encodeManifest } from '../../../src/image/codec.js';
import type { Manifest, Xattr } from '../../../src/image/manifest.js';
import { directory, entry, file, manifestOf, refusal, symlink } from '../../support/manifest-parts.js';

const root = directory('');
const long = (length: number): string => 'n'.repeat(length);
const deep = Array.from({ length: 17 }, (_, i) =>
  directory(
    Array(i + 1)
      .fill(long(240))
      .join('/'),
  ),
);
const withXattrs = (...xattrs: [name: string, value?: string][]): Manifest =>
  manifestOf(root, entry('a', 'file', { xattrs: xattrs.map(([name, value = '']) => xattr(name, value)) }));
const xattr = (name: string, value: string): Xattr => ({
  name: name as ByteString,
  value: Buffer.from(value),
});

/** What is refused, and the reason it must be refused for. */
const refused: Record<string, [because: string, make: () => Manifest]> = {
  'no entry': ['it has no or too many entries', () => manifestOf()],
  'no root': ['the root is not its first entry', () => manifestOf(directory('a'))],
  'a root that is a file': ['the root is not its first entry', () => manifestOf(file(''))],
  'a root that is a symbolic link': ['the root is not its first entry', () => manifestOf(symlink('', '/'))],
  'a second root': ['its paths are not in ascending order', () => manifestOf(root, root)],
  'paths out of order': [
    'its paths are not in ascending order',
    () => manifestOf(root, file('b'), file('a')),
  ],
  'a path twice': ['its paths are not in ascending order', () => manifestOf(root, file('a'), file('a'))],
  'a leading slash': ['a path is not below a directory', () => manifestOf(root, file('/a'))],
  'an absolute path': ['a path is not below a directory', () => manifestOf(root, file('/etc/passwd'))],
  'a slash alone': ['a path is not below a directory', () => manifestOf(root, file('/'))],
  'a trailing slash': [
    'a name is empty, "." or ".."',
    () => manifestOf(root, directory('a'), directory('a/')),
  ],
  'an empty component': [
    'a path is not below a directory',
    () => manifestOf(root, directory('a'), file('a//b')),
  ],
  'the name ".."': ['a name is empty, "." or ".."', () => manifestOf(root, directory('..'))],
  'the name "."': ['a name is empty, "." or ".."', () => manifestOf(root, directory('.'))],
  'a way out at the end': [
    'a name is empty, "." or ".."',
    () => manifestOf(root, directory('a'), directory('a/..')),
  ],
  'a way out in the middle': [
    'a path is not below a directory',
    () => manifestOf(root, directory('a'), file('a/../b')),
  ],
  'a way out at the start': ['a path is not below a directory', () => manifestOf(root, file('../a'))],
  'a NUL in a name': ['a name holds a NUL', () => manifestOf(root, file('a\0b'))],
  'a name of 256 bytes': ['a name is too long', () => manifestOf(root, file(long(256)))],
  'a path of 4096 bytes': ['a path is too long', () => manifestOf(root, ...deep)],
  'a parent that is not there': ['a path is not below a directory', () => manifestOf(root, file('a/b'))],
  'a parent that is a file': [
    'a path is not below a directory',
    () => manifestOf(root, file('a'), file('a/b')),
  ],
  'a parent that is a symbolic link': [
    'a path is not below a directory',
    () => manifestOf(root, symlink('a', '/etc'), file('a/passwd')),
  ],
  'a parent that is a whiteout': [
    'a path is not below a directory',
    () => manifestOf(root, entry('a', 'whiteout'), file('a/b')),
  ],
  'the reserved name': ['it uses the reserved name', () => manifestOf(root, directory('.tees'))],
  'a whiteout of the reserved name': [
    'it uses the reserved name',
    () => manifestOf(root, entry('.tees', 'whiteout')),
  ],
  'an empty target': [
    'a symbolic link has an empty or too long target',
    () => manifestOf(root, symlink('a', '')),
  ],
  'a target of 4096 bytes': [
    'a symbolic link has an empty or too long target',
    () => manifestOf(root, symlink('a', long(4096))),
  ],
  'a target with a NUL': [
    "a symbolic link's target holds a NUL",
    () => manifestOf(root, symlink('a', 'x\0y')),
  ],
  'a hardlink to itself': [
    'a hardlink does not point to an earlier file',
    () => manifestOf(root, entry('a', 'file', { hardlinkTo: 1 })),
  ],
  'a hardlink to a directory': [
    'a hardlink does not point to an earlier file',
    () => manifestOf(root, directory('a'), entry('b', 'directory', { hardlinkTo: 1 })),
  ],
  'a hardlink to another type': [
    'a hardlink does not point to an earlier file',
    () => manifestOf(root, symlink('a', 'x'), entry('b', 'file', { hardlinkTo: 1 })),
  ],
  'a hardlink to a hardlink': [
    'a hardlink does not point to an earlier file',
    () =>
      manifestOf(
        root,
        file('a'),
        entry('b', 'file', { hardlinkTo: 1 }),
        entry('c', 'file', { hardlinkTo: 2 }),
      ),
  ],
  'hardlinked whiteouts': [
    'a hardlink does not point to an earlier file',
    () => manifestOf(root, entry('a', 'whiteout'), entry('b', 'whiteout', { hardlinkTo: 1 })),
  ],
  'an opaque file': [
    'a file has marks that it cannot have',
    () => manifestOf(root, entry('a', 'file', { opaque: true })),
  ],
  'a directory with a content': [
    'a directory has marks that it cannot have',
    () => manifestOf(root, entry('a', 'directory', { content: 0 }), file('b', 'text')),
  ],
  'a content that is not there': [
    'a file has no such content',
    () => manifestOf(root, entry('a', 'file', { content: 0, size: 1 })),
  ],
  'a content without a name': [
    'a content belongs to no file',
    () => ({
      ...manifestOf(root, file('a', 'text')),
      entries: [root.entry, file('a').entry],
    }),
  ],
  'a mode with more than permissions': [
    'a mode is out of range',
    () => manifestOf(root, entry('a', 'file', { mode: 0o10644 })),
  ],
  'the user id -1': [
    'a user or group id is out of range',
    () => manifestOf(root, entry('a', 'file', { uid: 2 ** 32 - 1 })),
  ],
  'the group id -1': [
    'a user or group id is out of range',
    () => manifestOf(root, entry('a', 'file', { gid: 2 ** 32 - 1 })),
  ],
  'too many nanoseconds': [
    'a time is out of range',
    () => manifestOf(root, entry('a', 'file', { mtimeNanoseconds: 1e9 })),
  ],
  'seconds out of range': [
    'a time is out of range',
    () => manifestOf(root, entry('a', 'file', { mtimeSeconds: 2 ** 50 + 1 })),
  ],
  'a file that is too large': [
    'a file is too large',
    () => manifestOf(root, entry('a', 'file', { size: 2 ** 50 + 1 })),
  ],
  'a mark of the overlay': [
    'an extended attribute is not allowed: trusted.overlay.redirect',
    () => withXattrs(['trusted.overlay.redirect', '/etc/shadow']),
  ],
  "a user's mark of the overlay": [
    'an extended attribute is not allowed: user.overlay.opaque',
    () => withXattrs(['user.overlay.opaque', 'y']),
  ],
  'a trusted attribute': [
    'an extended attribute is not allowed: trusted.other',
    () => withXattrs(['trusted.other']),
  ],
  'a label of a security module': [
    'an extended attribute is not allowed: security.selinux',
    () => withXattrs(['security.selinux', 'x']),
  ],
  'an integrity signature': [
    'an extended attribute is not allowed: security.ima',
    () => withXattrs(['security.ima', 'x']),
  ],
  'an attribute of the file system': [
    'an extended attribute is not allowed: system.nfs4_acl',
    () => withXattrs(['system.nfs4_acl', 'x']),
  ],
  'an attribute without a namespace': [
    'an extended attribute is not allowed: overlay',
    () => withXattrs(['overlay', 'x']),
  ],
  'an attribute without a name': [
    'an extended attribute is not allowed: user.',
    () => withXattrs(['user.', 'x']),
  ],
  'a NUL in the name of an attribute': [
    'the name of an attribute is invalid',
    () => withXattrs(['user.a\0b', 'x']),
  ],
  'the name of an attribute of 256 bytes': [
    'the name of an attribute is invalid',
    () => withXattrs([`user.${long(251)}`, 'x']),
  ],
  'a value of more than 64 KiB': [
    'the extended attribute user.a is too large',
    () => withXattrs(['user.a', long(65537)]),
  ],
  'attributes out of order': [
    'extended attributes are not in ascending order',
    () => withXattrs(['user.b', 'x'], ['user.a', 'x']),
  ],
  'an attribute twice': [
    'extended attributes are not in ascending order',
    () => withXattrs(['user.a', 'x'], ['user.a', 'x']),
  ],
  'an extent outside its file': ['an extent is outside its file', () => withExtents(100, [50, 51])],
  'an extent at the end of its file': ['an extent is outside its file', () => withExtents(100, [100, 1])],
  'extents that touch': ['two extents touch', () => withExtents(100, [0, 10, 10, 10])],
  'an empty extent': ['an extent is empty', () => withExtents(100, [0, 10, 20, 0])],
};

function withExtents(size: number, extents: number[]): Manifest {
  const manifest = manifestOf(root, file('a', 'x'));
  return { ...manifest, contents: [{ size, extents, firstChunk: 0, chunkCount: 1 }] };
}

for (const [what, [because, make]] of Object.entries(refused))
  test(`refused: ${what}`, (t) => {
    const message = refusal(encodeManifest(make()))?.message;
    t.true(message?.endsWith(`: ${because}`), message ?? 'it was accepted');
  });

test('a refusal names the path', (t) => {
  t.is(refusal(encodeManifest(manifestOf(root, directory('a'), file('a/../b'))))?.path, 'a/../b');
});

test('the longest names and paths, and names that only look dangerous, are accepted', (t) => {
  const parts = [
    directory('...'),
    file('.../..a'),
    file(long(255)),
    file('\\'),
    directory('a'),
    file('a/.tees'),
  ];
  const sorted = [root, ...parts].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  t.is(decodeManifest(encodeManifest(manifestOf(...sorted))).entries.length, sorted.length);
  t.is(
    decodeManifest(encodeManifest(manifestOf(root, ...deep.slice(0, 16), lastOf4095()))).entries.length,
    18,
  );
});

function lastOf4095() {
  const parent = deep[15]?.entry.path as string;
  return file(`${parent}/${long(4095 - parent.length - 1)}`);
}
