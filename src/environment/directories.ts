/**
 * The directories of one job on one node. All belong to root and nobody else can enter them. Whoever removes them
 * must touch neither what a serving hook still has mounted there nor anything that a link in them leads to.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ByteString } from '../base/bytes.js';
import { fromBuffer, fromText, toBuffer } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';
import { native } from '../base/native.js';
import { RESERVED_TOP_LEVEL_NAME } from '../image/manifest.js';
import type { JobDirectories } from './environment.js';

export const PRIVATE_MODE = 0o700;
/** One, in truth. */
const SERVED_MOUNTS_MAX = 16;
const CHILDREN = ['names', 'contents', 'incoming', 'served', 'upper', 'work', 'stage'] as const;
// umount2(2)
const MNT_FORCE = 1;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/** @throws TeesError JOB_EXISTS, STORE_FULL, STORE_FAILED */
export async function prepareDirectories(root: string): Promise<JobDirectories> {
  claimDirectory(root);
  return fillDirectory(root);
}

/** The job's own directory, empty. @throws TeesError JOB_EXISTS, STORE_FULL, STORE_FAILED */
export function claimDirectory(root: string): void {
  try {
    mkdirSync(dirname(root), { recursive: true, mode: PRIVATE_MODE });
    mkdirSync(root, { mode: PRIVATE_MODE });
  } catch (cause) {
    throw directoryError(cause, root);
  }
}

/** What belongs into it, as far as it is not there. @throws TeesError STORE_FULL, STORE_FAILED */
export async function fillDirectory(root: string): Promise<JobDirectories> {
  const directories = directoriesBelow(root);
  const options = { recursive: true, mode: PRIVATE_MODE };
  try {
    for (const name of CHILDREN) await mkdir(directories[name], options);
    await mkdir(join(directories.contents, RESERVED_TOP_LEVEL_NAME), options);
    if (!existsSync(join(directories.work, 'work'))) await resembleRoot(directories.upper);
  } catch (cause) {
    throw directoryError(cause, root);
  }
  return directories;
}

function directoryError(cause: unknown, root: string): TeesError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EEXIST')
    return new TeesError('JOB_EXISTS', 'the job is already on this node', { path: root });
  if (code === 'ENOSPC') return new TeesError('STORE_FULL', 'no space in the store', { path: root, cause });
  return TeesError.from(cause, 'STORE_FAILED', { path: root });
}

export function directoriesBelow(root: string): JobDirectories {
  return {
    root,
    names: join(root, 'names'),
    contents: join(root, 'contents'),
    incoming: join(root, 'incoming'),
    served: join(root, 'served'),
    upper: join(root, 'upper'),
    work: join(root, 'work'),
    stage: join(root, 'stage'),
  };
}

/**
 * The upper directory's own metadata are those of `/` inside. A layer that says something of its root overrides
 * this with `writeNamesLayer`; without that `/` is as on the node.
 */
async function resembleRoot(upper: string): Promise<void> {
  const root = await stat('/');
  if (process.getuid?.() === 0) await chown(upper, root.uid, root.gid);
  await chmod(upper, root.mode & 0o7777);
  await utimes(upper, root.atimeMs / 1000, root.mtimeMs / 1000);
}

/**
 * Removes everything, also after a failed or half-finished start. Idempotent.
 * The environment must have ended and the hook should have stopped; a mount of this job that is left over in
 * this namespace is detached first.
 * @throws TeesError STORE_BUSY when something else is mounted there: nothing is removed then
 */
export async function removeDirectories(directories: JobDirectories): Promise<void> {
  await freeOfMounts(directories);
  await removeTree(directories.root);
}

/** @throws TeesError STORE_BUSY */
export async function freeOfMounts(directories: JobDirectories): Promise<void> {
  const ours = [directories.served, directories.stage].map((path) => fromText(path));
  for (const mount of await mountsBelow(directories.root)) {
    if (!ours.includes(mount)) continue;
    native().unmount(toBuffer(mount), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
  const [left] = await mountsBelow(directories.root);
  if (left !== undefined) {
    throw new TeesError('STORE_BUSY', 'something is mounted in the directory of a job that is over', {
      path: left,
      hint: 'Unmount it, then remove the directory.',
    });
  }
}

/** Names that were not all written are written anew. */
export async function emptyNames({ names }: JobDirectories): Promise<void> {
  await removeTree(names);
  await mkdir(names, { mode: PRIVATE_MODE });
}

/** Whatever a hook has left mounted: its connection is ended, whoever holds it. */
export function endServed({ served }: JobDirectories): void {
  for (let mounts = 0; mounts < SERVED_MOUNTS_MAX; mounts++) {
    try {
      native().unmount(Buffer.from(served), MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW);
    } catch {
      return;
    }
  }
}

/** In the order of mounting, newest first, so that what lies on top goes first. */
async function mountsBelow(root: string): Promise<ByteString[]> {
  const prefix = fromText(root) + '/';
  const mounts: ByteString[] = [];
  for (const line of fromBuffer(await readFile('/proc/self/mountinfo')).split('\n')) {
    const field = line.split(' ')[4];
    if (field === undefined) continue;
    // proc_pid_mountinfo(5): blanks, tabs, newlines and backslashes stand as \ooo.
    const path = field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(parseInt(octal, 8)),
    );
    if (path.startsWith(prefix)) mounts.unshift(path as ByteString);
  }
  return mounts;
}

/**
 * By rm(1): it descends by descriptors, follows no link and stays on one file system, and a process of its own
 * keeps the event loop free, which a mount in the way may be waiting for.
 */
export async function removeTree(root: string): Promise<void> {
  try {
    await promisify(execFile)('rm', ['-rf', '--one-file-system', '--', root]);
  } catch (cause) {
    if (!isMissingProgram(cause)) throw TeesError.from(cause, 'STORE_BUSY', { path: root });
    await rm(root, { recursive: true, force: true });
  }
}

function isMissingProgram(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT';
}
