/**
 * Bounded reads of regular files in trees that others may be changing: the last component is never followed, an
 * open never blocks on a fifo or wakes a device, and a file that turns out to lie elsewhere than its name says
 * (a directory on the way became a symbolic link) is not read.
 */
import { closeSync, constants, fstatSync, openSync, readSync, readlinkSync } from 'node:fs';
import type { ByteString } from '../base/bytes.js';
import { fromBuffer, toBuffer } from '../base/bytes.js';
import type { ByteReader } from '../elf/byte-reader.js';

const READ_MAX_BYTES = 32 * 1024 * 1024;
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** @param path absolute, without symbolic links */
export function regularFileReader(path: ByteString): ByteReader {
  return { read: (offset, length) => readRegular(path, offset, Math.min(length, READ_MAX_BYTES)) };
}

function readRegular(path: ByteString, offset: number, length: number): Buffer {
  let fd: number | undefined;
  try {
    fd = openSync(toBuffer(path), FLAGS);
    const stat = fstatSync(fd);
    if (!stat.isFile() || !liesAt(fd, path)) return Buffer.alloc(0);
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, stat.size - offset)));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, offset));
  } catch {
    return Buffer.alloc(0);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function liesAt(fd: number, path: ByteString): boolean {
  return fromBuffer(readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' })) === path;
}
