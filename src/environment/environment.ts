/** The execution environment of one job on one node: what it is made of, and what a running one offers. */
import type { Readable, Writable } from 'node:stream';
import type { Allowance } from '../config/allowances.js';
import type { LayoutName } from '../config/config.js';
import type { Manifest } from '../image/manifest.js';
import type { NamesOptions } from './names-program.js';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** Directories of one job on one node, all below the store's directory, made by `prepareDirectories`. */
export interface JobDirectories {
  readonly root: string;
  /** The names layer: every name with its metadata; regular files are sparse and point to /.tees/ID. */
  readonly names: string;
  /** The contents layer: `.tees/ID` is renamed in when content ID has arrived whole and verified. */
  readonly contents: string;
  /** Where contents grow until they are whole; same file system as `contents`. */
  readonly incoming: string;
  /** Mount point of the serving hook: `.tees/ID` for what has not arrived. */
  readonly served: string;
  /** The job's own writes on this node, and overlayfs' work directory. */
  readonly upper: string;
  readonly work: string;
  /** Where the overlay is mounted, inside the job's mount namespace only. */
  readonly stage: string;
}

/** Control groups: `root` is limited for each user, who has one of this name there for each job. Undefined: not bounded. */
export interface Limits {
  readonly root: string;
  readonly name: string;
  readonly memoryBytes?: number | undefined;
  readonly processes?: number | undefined;
}

export interface EnvironmentSpec {
  readonly directories: JobDirectories;
  readonly layout: LayoutName;
  readonly bind: readonly string[];
  /**
   * Directories of the node that nobody may see inside: the store's, the daemon's runtime directory. Something
   * empty and unreadable covers them, and mounts below them stay outside. The job's own is always among them.
   */
  readonly hidden?: readonly string[];
  readonly identity: Identity;
  readonly limits: Limits;
  /** What the task may ask the kernel for all the same. */
  readonly allow: readonly Allowance[];
  /** A directory of the node that shows, read-only, as `/.tees`; the names layer has been made for it (`label`). */
  readonly hookDirectory?: string;
  /** For so long after the launch the files that are opened are written to `opens` in the job's directory. */
  readonly traceMs?: number;
}

export interface TaskSpec {
  /** Bytes as the user typed them (latin1 ByteStrings would be lossless; UTF-8 text is what shells give). */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Nothing runs, and the environment stays until it is ended: for tasks of the node's process namespace, which come in. */
  readonly resident?: boolean;
  /** Falls back to / with a warning on the task's stderr if it does not exist inside. */
  readonly cwd: string;
}

export interface TaskExit {
  /** 0 to 255; 128 + signal when it died of one. */
  readonly status: number;
}

/**
 * A task that was started, or was found running by a later daemon. It depends on no daemon: what it has written waits
 * in the launcher, a window a stream, until `outputTaken` says that it is safe; and so does its exit status, until
 * `release`.
 */
export interface RunningTask {
  /** Its errors are swallowed: a task need not read its input. A write is done when the task has been given it. */
  readonly stdin: Writable;
  /** From `outputFrom` on. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Position of the first byte of each stream, counted from the task's start. */
  readonly outputFrom: Readonly<Record<'stdout' | 'stderr', number>>;
  /** So many bytes of input had come from an earlier daemon. */
  readonly inputFrom: number;
  /** What could not be shown inside, a sentence each: for the daemon's log. */
  readonly notes?: readonly string[];
  /**
   * Settles when the task has ended and every process of the environment is gone; not before all output has been
   * read, and all but a window a stream is safe. Never rejects.
   */
  readonly exit: Promise<TaskExit>;
  /** PID 1 of the environment, in this process's namespace; undefined when it is no more. */
  initPid(): number | undefined;
  /** Whether the task has ended, or must, though processes of the environment may still be there. */
  isEnding(): boolean;
  /** To the task's process group. */
  signal(signal: NodeJS.Signals): void;
  /** Ends PID 1 of the environment and so everything in it. */
  kill(): void;
  /** Everything has arrived: what is opened from now on needs no hook, unless it is open, or mapped, already. */
  retireHook(): void;
  /** So many more bytes need not be kept any more. What is not said to be safe, a later daemon gets again. */
  outputTaken(stream: 'stdout' | 'stderr', bytes: number): void;
  /** The exit status is known for good: nothing of the task needs to stay. */
  release(): void;
}

/** Writes the names layer of `manifest` into `directories.names`. */
export type WriteNamesLayer = (
  manifest: Manifest,
  directories: JobDirectories,
  options?: NamesOptions,
) => Promise<void>;
/**
 * Enters a new environment and starts the task as the user.
 * Resolves when the task's program runs (exec succeeded).
 * @throws TeesError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, ENVIRONMENT_FAILED (with what failed and errno)
 */
export type Launch = (
  environment: EnvironmentSpec,
  task: TaskSpec,
  options?: LaunchOptions,
) => Promise<RunningTask>;

export interface LaunchOptions {
  /** Ends the environment while it is being entered or the program is still opening; then ENVIRONMENT_FAILED. */
  readonly abort?: AbortSignal;
}
