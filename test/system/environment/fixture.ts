/** A node's store on a tmpfs of its own, jobs in it, and tasks in real environments. */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { release, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { LayoutName } from '../../../src/config/config.js';
import type { EnvironmentSpec, JobDirectories, RunningTask } from '../../../src/environment/environment.js';
import { prepareDirectories, removeDirectories } from '../../../src/environment/directories.js';
import { launch } from '../../../src/environment/launch.js';
import { writeNamesLayer } from '../../../src/environment/names-layer.js';
import { chunkLocation } from '../../../src/image/chunks.js';
import type { LayerSource } from '../../../src/scan/source.js';
import type { Part } from '../../support/manifest-parts.js';
import { manifestOf } from '../../support/manifest-parts.js';

/** Nobody's: no passwd entry is needed. */
export const USER = 12345;
export const LAYOUTS: readonly LayoutName[] = atLeastLinux(6, 5) ? ['stacked', 'data-only'] : ['stacked'];

function atLeastLinux(major: number, minor: number): boolean {
  const [a = 0, b = 0] = release().split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

/** A test that mounts: skipped, and says so, for others than root. */
export function rootTest(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  if (process.getuid?.() === 0) test(title, run);
  else test.skip(`${title} (skipped: only root can mount)`, run);
}

/** A directory on a file system that is not the root's, as overlayfs wants its layers; gone with the test. */
export function makeStore(t: ExecutionContext): string {
  const store = mkdtempSync(join(tmpdir(), 'tees-environment-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0700', 'tees-test', store]);
  t.teardown(() => {
    execFileSync('umount', ['-R', '-l', store]);
    rmdirSync(store);
  });
  return store;
}

/** An upper layer as the login node has it, to be filled; on a tmpfs too. */
export function makeUpper(t: ExecutionContext): string {
  const upper = join(makeStore(t), 'layer');
  mkdirSync(upper, { mode: 0o755 });
  return upper;
}

export interface Job {
  readonly directories: JobDirectories;
  readonly store: string;
}

/** A job whose layer has arrived whole. */
export async function makeJob(t: ExecutionContext, ...parts: readonly Part[]): Promise<Job> {
  const job = await makeEmptyJob(t);
  await writeNamesLayer(manifestOf(...parts), job.directories);
  const contents = parts.flatMap(({ data }) => data ?? []);
  contents.forEach((data, i) => writeFileSync(join(job.directories.contents, '.tees', `${i}`), data));
  return job;
}

async function makeEmptyJob(t: ExecutionContext): Promise<Job> {
  const store = makeStore(t);
  const directories = await prepareDirectories(join(store, 'jobs', randomUUID()));
  mkdirSync(join(directories.served, '.tees'));
  t.teardown(() => removeDirectories(directories));
  return { directories, store };
}

/** The scanned layer on a node where all of it has arrived. */
export async function makeArrivedJob(t: ExecutionContext, source: LayerSource): Promise<Job> {
  const job = await makeEmptyJob(t);
  const { manifest } = source;
  await writeNamesLayer(manifest, job.directories);
  for (const [index, content] of manifest.contents.entries()) {
    const fd = openSync(join(job.directories.contents, '.tees', `${index}`), 'w');
    ftruncateSync(fd, content.size);
    for (let chunk = content.firstChunk; chunk < content.firstChunk + content.chunkCount; chunk++) {
      const bytes = await source.readChunk(chunk);
      let at = 0;
      for (const [offset, length] of chunkLocation(manifest, chunk).pieces) {
        writeSync(fd, bytes, at, length, offset);
        at += length;
      }
    }
    closeSync(fd);
  }
  return job;
}

export interface TaskOptions {
  readonly layout?: LayoutName;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly environment?: Partial<EnvironmentSpec>;
}

export function startTask(
  job: Job,
  argv: readonly string[],
  options: TaskOptions = {},
): Promise<RunningTask> {
  // A job has one launch; these jobs have several, one after the other.
  rmSync(join(job.directories.root, 'launched'), { force: true });
  return launch(
    {
      directories: job.directories,
      layout: options.layout ?? 'stacked',
      bind: [],
      allow: [],
      limits: { root: 'tees-tests', name: 'job' },
      hidden: [job.store],
      identity: { uid: USER, gid: USER, groups: [USER, USER + 1] },
      ...options.environment,
    },
    { argv, env: { PATH: '/usr/bin:/bin', ...options.env }, cwd: options.cwd ?? '/' },
  );
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly notes: readonly string[];
}

export async function finish(task: RunningTask, input = ''): Promise<Outcome> {
  task.stdin.end(input);
  const [stdout, stderr, { status }] = await Promise.all([
    textOf(task, 'stdout'),
    textOf(task, 'stderr'),
    task.exit,
  ]);
  task.release();
  return { status, stdout, stderr, notes: task.notes ?? [] };
}

export async function runTask(
  job: Job,
  argv: readonly string[],
  options: TaskOptions = {},
): Promise<Outcome> {
  return finish(await startTask(job, argv, options));
}

async function textOf(task: RunningTask, stream: 'stdout' | 'stderr'): Promise<string> {
  const parts: Buffer[] = [];
  for await (const bytes of task[stream] as AsyncIterable<Buffer>) {
    parts.push(bytes);
    task.outputTaken(stream, bytes.length);
  }
  return Buffer.concat(parts).toString();
}

export interface LongTask {
  readonly task: RunningTask;
  /** The task's process, as this test sees it. */
  readonly pid: number;
  /** The environment's root directory, seen from outside. */
  readonly root: string;
  /** What is left of the environment: processes with its mark, and mounts of its overlay, anywhere. */
  readonly remains: () => string[];
}

/** A task that runs until it is ended. Its environment variable finds its processes on the node. */
export async function startLongTask(
  t: ExecutionContext,
  job: Job,
  argv: readonly string[] = ['sleep', '600'],
  options: TaskOptions = {},
): Promise<LongTask> {
  const mark = randomUUID();
  const task = await startTask(job, argv, { ...options, env: { ...options.env, TEES_TEST_MARK: mark } });
  t.teardown(async () => {
    task.kill();
    await task.exit;
  });
  const [pid] = processesMarked(mark);
  if (pid === undefined) throw new Error('the task is not there');
  const root = `/proc/${pid}/root`;
  return {
    task,
    pid,
    root,
    remains: () => [...processesMarked(mark).map((left) => `process ${left}`), ...mountsOf(job)],
  };
}

function processesMarked(mark: string): number[] {
  return processes().filter((pid) => readProc(pid, 'environ').includes(mark));
}

/** The launcher of a task: the parent of its parent. */
export function launcherOf(pid: number): number {
  return parentOf(parentOf(pid));
}

export function parentOf(pid: number): number {
  // proc_pid_stat(5): the name, in parentheses, may hold anything.
  return Number(readProc(pid, 'stat').split(') ').at(-1)?.split(' ')[1]);
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Empty when the process has gone meanwhile. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

/** In whatever namespace. */
function mountsOf(job: Job): string[] {
  const source = ` tees-${basename(job.directories.root)} `;
  return processes().flatMap((pid) =>
    readProc(pid, 'mountinfo')
      .split('\n')
      .filter((line) => line.includes(source)),
  );
}

/** A directory on the file system of `/`, which environments show through; undefined when there is none. */
export function makeNodeDirectory(t: ExecutionContext): string | undefined {
  const root = statSync('/').dev;
  const parent = [tmpdir(), '/var/tmp', '/opt'].find((path) => statSync(path).dev === root);
  if (parent === undefined) return undefined;
  const directory = mkdtempSync(join(parent, 'tees-node-'));
  t.teardown(() => void execFileSync('rm', ['-rf', '--', directory]));
  return directory;
}
