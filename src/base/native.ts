/**
 * The one loader of the native addon. JavaScript validates, C receives primitives.
 * Every path is a Buffer of bytes without a NUL; errors are thrown as `Error` with `code` (ENOENT, …),
 * `errno` (negative) and `syscall`, like Node's own.
 */
import { createRequire } from 'node:module';
import { TeesError } from './errors.js';

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** What munged has answered. */
export interface MungeAnswer {
  /** munge_err_t (munge(3)); -1: it could not be asked. */
  readonly status: number;
  /** The same in words. */
  readonly reason: string;
  /** The credential; or what it says. */
  readonly bytes: Buffer;
  /** Who has made it. */
  readonly uid: number;
}

export interface NativeAddon {
  /** SO_PEERCRED and SO_PEERGROUPS of a connected Unix socket. */
  peerCredentials(fd: number): PeerCredentials;
  /**
   * What `action` does synchronously with files, it does as this user and without capabilities; its result.
   * Takes CAP_SETUID and CAP_SETGID (setfsuid(2)).
   */
  actAs<T>(uid: number, gid: number, groups: readonly number[], action: () => T): T;
  /** fcntl(2), FD_CLOEXEC: programs that this process starts do not inherit `fd`. */
  setCloseOnExec(fd: number): void;
  /** socketpair(2): two connected ends of a stream, close-on-exec. */
  socketPair(): [number, number];
  /** TCP_NOTSENT_LOWAT and SO_RCVBUF: a connection has so many bytes in the kernel, to be sent and to be read. */
  limitQueues(fd: number, unsentBytes: number, unreadBytes: number): void;
  /**
   * pidfd_getfd(2): descriptors of process `pid`, which must stand in `directory`, in this process, close-on-exec.
   * Takes CAP_SYS_PTRACE.
   */
  takeDescriptors(pid: number, directory: Buffer, numbers: readonly number[]): number[];
  /** llistxattr(2): names without their NUL. */
  listXattrs(path: Buffer): Buffer[];
  /** lgetxattr(2). */
  getXattr(path: Buffer, name: Buffer): Buffer;
  /** lsetxattr(2). */
  setXattr(path: Buffer, name: Buffer, value: Buffer): void;
  /** SEEK_DATA/SEEK_HOLE: [offset, length, offset, length, …] of the data, up to `size`. */
  dataExtents(fd: number, size: number): number[];
  /**
   * The extended attribute of the file that process `pid` has open as `fd`, when it is a regular file on a mount of
   * the device `major`:`minor` in that process's namespace. Never waits for a file system's server. Meant for
   * descriptors of processes that are not to be trusted.
   */
  fileLabel(pid: number, fd: number, major: number, minor: number, attribute: string): Buffer | undefined;
  /**
   * munge_encode(3), on a worker thread: a credential of this process's user, for `forUid` alone, good for `seconds`.
   * @param socket munged's; empty: where it is by default
   */
  mungeEncode(socket: Buffer, said: Buffer, forUid: number, seconds: number): Promise<MungeAnswer>;
  /** munge_decode(3), on a worker thread. A credential that is refused is answered with what it says, and why. */
  mungeDecode(socket: Buffer, credential: Buffer): Promise<MungeAnswer>;
  /** umount2(2); flags as the kernel defines them (MNT_DETACH = 2). */
  unmount(path: Buffer, flags: number): void;
  /**
   * Writes a tree of names below the directory `root` from the records encoded by
   * `src/environment/names-program.ts`, on a worker thread. Rejects with the failing path in `path`.
   * @param contents a directory on the same file system, for a program that places contents
   */
  writeNames(root: Buffer, program: Buffer, contents?: Buffer): Promise<void>;
  /** renameat2(2), on a worker thread; flags as the kernel defines them (RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2). */
  renameTo(from: Buffer, to: Buffer, flags: number): Promise<void>;
  /** syncfs(2) of the file system of a directory, on a worker thread. */
  syncFileSystem(directory: Buffer): Promise<void>;
  /** lremovexattr(2), of what is not there too. */
  removeXattr(path: Buffer, name: Buffer): void;
}

export type FileUser = Pick<PeerCredentials, 'uid' | 'gid' | 'groups'>;

/** Looks at files as a user does. Root sees what this process sees. */
export function asUser<T>({ uid, gid, groups }: FileUser, action: () => T): T {
  return uid === 0 || uid === process.geteuid?.() ? action() : native().actAs(uid, gid, groups, action);
}

let loaded: NativeAddon | undefined;

export function native(): NativeAddon {
  if (!loaded) {
    const path = new URL('../../../native/build/Release/tees.node', import.meta.url).pathname;
    try {
      loaded = createRequire(import.meta.url)(path) as NativeAddon;
    } catch (error) {
      throw new TeesError('ADDON_MISSING', 'the native addon cannot be loaded', {
        path,
        cause: error,
        hint: 'Build it with: npm run build:native',
      });
    }
  }
  return loaded;
}

/** The preload hook's libraries; built beside the addon. */
export function preloadLibraryPath(name: 'preload' | 'audit'): string {
  return new URL(`../../../native/build/Release/tees-${name}.so`, import.meta.url).pathname;
}

/** The launcher that enters an execution environment; built beside the addon. */
export function spankPath(): string {
  return new URL('../../../native/build/Release/tees-spank.so', import.meta.url).pathname;
}

export function launcherPath(): string {
  return new URL('../../../native/build/Release/tees-launch', import.meta.url).pathname;
}

/** The process that reads and writes the shared storage; built beside the addon. */
export function storagePath(): string {
  return new URL('../../../native/build/Release/tees-storage', import.meta.url).pathname;
}

/** The keeper of environments on a login node, and what comes into one; built beside the addon. */
export function keeperPath(): string {
  return new URL('../../../native/build/Release/tees-keep', import.meta.url).pathname;
}

/** Brings in tasks of PBS (hooks/pbs). */
export function taskPath(): string {
  return new URL('../../../native/build/Release/tees-task', import.meta.url).pathname;
}

export function enterPath(): string {
  return new URL('../../../native/build/Release/tees-enter', import.meta.url).pathname;
}

/** The serving process of a job's blocking hook; built beside the addon. */
export function servePath(): string {
  return new URL('../../../native/build/Release/tees-serve', import.meta.url).pathname;
}
