import test from 'ava';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteString } from '../../../src/base/bytes.js';
import {
  openDirectory,
  openFile,
  openPassage,
  openRoot,
  withDescriptor,
} from '../../../src/scan/locations.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const name = (text: string): ByteString => text as ByteString;
let dir: string;
let fd: number;

test.before(() => {
  dir = temporaryDirectory('locations');
  mkdirSync(join(dir, 'directory'));
  writeFileSync(join(dir, 'directory', 'file'), 'text');
  symlinkSync('directory', join(dir, 'link-to-directory'));
  symlinkSync('directory/file', join(dir, 'link-to-file'));
  execFileSync('mkfifo', [join(dir, 'fifo')]);
  fd = openRoot(dir);
});

test.after.always(() => {
  closeSync(fd);
  rmSync(dir, { recursive: true });
});

test('directories and files are opened by their names in an open directory', (t) => {
  for (const open of [openDirectory, openPassage])
    withDescriptor(open(fd, name('directory')), (inner) =>
      withDescriptor(openFile(inner, name('file')), (file) => t.true(file > 2)),
    );
});

test('a link in the place of a directory is not followed', (t) => {
  for (const open of [openDirectory, openPassage])
    t.throws(() => open(fd, name('link-to-directory')), { code: 'ENOTDIR' });
});

test('a link in the place of a file is not followed', (t) => {
  t.throws(() => openFile(fd, name('link-to-file')), { code: 'ELOOP' });
});

test('a fifo in the place of a file does not block', (t) => {
  withDescriptor(openFile(fd, name('fifo')), (fifo) => t.true(fifo > 2));
});

test('a file in the place of a directory is refused', (t) => {
  withDescriptor(openDirectory(fd, name('directory')), (inner) =>
    t.throws(() => openPassage(inner, name('file')), { code: 'ENOTDIR' }),
  );
});
