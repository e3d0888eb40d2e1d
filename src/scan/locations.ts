/**
 * Opening what is below a directory without ever following a symbolic link. The daemon is root and the layer
 * belongs to a user, who could exchange a directory for a link to /root between two system calls. So each
 * name is looked up in an open directory: /proc/self/fd/N/NAME (proc(5)), which is openat(2) for Node.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { ByteString } from '../base/bytes.js';
import { toBuffer } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';
import { asUser } from '../base/native.js';
import type { FileUser } from '../base/native.js';
import { errnoOf } from './failures.js';
import { layerUnreadable } from './failures.js';

/** <fcntl.h>; Node does not name it. */
const O_PATH = 0o10000000;
/** A fifo in the place of a file must not block, a link must not be followed. */
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** For calls that do not follow the last component; '.' is the directory itself. */
export function locate(directoryFd: number, name: ByteString | '.'): Buffer {
  return toBuffer(`/proc/self/fd/${directoryFd}/${name}` as ByteString);
}

export function openFile(directoryFd: number, name: ByteString): number {
  return openSync(locate(directoryFd, name), OPEN_FILE);
}

export function openDirectory(directoryFd: number, name: ByteString): number {
  return openSync(locate(directoryFd, name), OPEN_DIRECTORY);
}

/** Only to look names up in it: needs no permission to read the directory. */
export function openPassage(directoryFd: number, name: ByteString): number {
  return openSync(locate(directoryFd, name), OPEN_DIRECTORY | O_PATH);
}

/**
 * The layer's root. What leads there may hold links, and may change between any two looks at it: so who may have it
 * is asked of the open directory.
 * @param user on whose behalf: they must get there by themselves, and it must be theirs
 */
export function openRoot(root: string, user?: FileUser): number {
  const fd = openAs(root, user);
  if (!user || user.uid === 0 || fstatSync(fd).uid === user.uid) return fd;
  closeSync(fd);
  throw new TeesError('LAYER_FORBIDDEN', 'this upper layer belongs to another user', {
    path: root,
    hint: 'Deploy a layer of your own (--upper DIR).',
  });
}

function openAs(root: string, user: FileUser | undefined): number {
  const open = (): number => openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return user ? asUser(user, open) : open();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'ENOENT' && errno !== 'ENOTDIR') throw layerUnreadable(root as ByteString, error);
    const what = errno === 'ENOENT' ? 'does not exist' : 'is not a directory';
    throw new TeesError('LAYER_NOT_FOUND', `the upper layer ${what}`, {
      path: root,
      cause: error,
      hint: 'Name the upper layer directory of your environment with --upper DIR.',
    });
  }
}

export function withDescriptor<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
