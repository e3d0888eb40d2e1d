/**
 * A hook with a real mount for a test, and readers as real processes: the process that serves must never touch
 * the mount itself, it would wait for its own answer.
 */
import test from 'ava';
import type { ExecutionContext, Implementation } from 'ava';
import { execFile } from 'node:child_process';
import { accessSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import { systemClock } from '../../../src/base/clock.js';
import { onShutdownSignal } from '../../../src/base/lifecycle.js';
import { native } from '../../../src/base/native.js';
import type { Content } from '../../../src/image/manifest.js';
import { FuseEngineHook } from '../../../src/serving/fuse-engine.js';
import type { FuseEngineOptions } from '../../../src/serving/fuse-engine.js';
import { FuseNativeHook } from '../../../src/serving/fuse-native.js';
import type { FuseStats } from '../../../src/serving/fuse-native.js';
import type { HookContext, HookServer } from '../../../src/serving/hook.js';
import { Arrivals } from '../../../src/store/arrivals.js';
import { JobStore } from '../../../src/store/job-store.js';
import type { TestLayer } from '../store/layer.js';

const UNTIL_DEADLINE_MS = 30_000;
const MNT_FORCE_DETACH = 3;

function reasonNotToMount(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    accessSync('/dev/fuse');
    createRequire(import.meta.url)('fuse-native');
    return undefined;
  } catch (error) {
    return `no FUSE here: ${String(error).split('\n')[0]}`;
  }
}

export const whyNoMounts = reasonNotToMount();

/** Skips aloud where there can be no mount. */
export function mountTest(title: string, implementation: Implementation<[]>): void {
  if (whyNoMounts) test.skip(`${title} (${whyNoMounts})`, implementation);
  else test(title, implementation);
}

/** For tests that count what the process has. */
export function serialMountTest(title: string, implementation: Implementation<[]>): void {
  if (whyNoMounts) test.skip(`${title} (${whyNoMounts})`, implementation);
  else test.serial(title, implementation);
}

const mounted = new Set<string>();
onShutdownSignal(() => {
  for (const directory of mounted) native().unmount(Buffer.from(directory), MNT_FORCE_DETACH);
});

export function temporaryDirectory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tees-serving-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Everything that serves the hook fuse. Without passthrough our engine serves as on an older kernel. */
export const ENGINES = ['fuse-native', 'tees', 'tees without passthrough'] as const;
export type Engine = (typeof ENGINES)[number];

function create(
  engine: Engine,
  context: HookContext,
  options: FuseEngineOptions,
): [hook: HookServer, stats: () => Promise<FuseStats>] {
  if (engine === 'fuse-native') {
    const hook = new FuseNativeHook(context);
    return [hook, () => Promise.resolve(hook.stats)];
  }
  const hook = new FuseEngineHook(context, { ...options, passthrough: engine === 'tees' });
  return [hook, () => hook.counts()];
}

export interface Served {
  readonly root: string;
  readonly hook: HookServer;
  readonly stats: () => Promise<FuseStats>;
  readonly arrivals: Arrivals;
  readonly contents: string;
  readonly mount: string;
  readonly path: (content: number) => string;
  /** Puts every chunk of a content into the store. */
  readonly deliver: (content: number) => Promise<void>;
}

export async function serve(
  t: ExecutionContext,
  layer: TestLayer,
  engine: Engine,
  options: FuseEngineOptions = {},
): Promise<Served> {
  const root = temporaryDirectory(t);
  const mount = join(root, 'served');
  const contents = join(root, 'contents');
  mkdirSync(mount);
  const { manifest, chunks } = layer;
  const arrivals = new Arrivals(manifest.contents.length, systemClock);
  const store = JobStore.create({
    manifest,
    directories: { contents, incoming: join(root, 'in') },
    arrivals,
  });
  const [hook, stats] = create(
    engine,
    {
      jobDirectory: root,
      directory: mount,
      contentCount: manifest.contents.length,
      sizeOf: (content) => (manifest.contents[content] as Content).size,
      pathOf: (content) => store.contentPath(content),
      arrivals,
    },
    options,
  );
  t.teardown(async () => {
    await hook.stop();
    mounted.delete(mount);
    await store.close();
  });
  mounted.add(mount);
  await hook.start();
  const deliver = async (content: number): Promise<void> => {
    const { firstChunk, chunkCount } = manifest.contents[content] as Content;
    for (let chunk = firstChunk; chunk < firstChunk + chunkCount; chunk++)
      await store.put(chunk, chunks[chunk] as Buffer);
  };
  const path = (content: number): string => `${mount}/.tees/${content}`;
  return { root, hook, stats, arrivals, contents, mount, deliver, path };
}

export interface Ended {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(command: string, ...argv: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 1 << 26 };
    execFile(command, argv, options, (error, stdout, stderr) => {
      resolve({ status: error?.code ?? error?.signal ?? 0, stdout, stderr });
    });
  });
}

/** The digest of a file as another process reads it, or what went wrong. */
export async function digestOf(path: string): Promise<string> {
  const { stdout, stderr } = await run('sha256sum', path);
  return stdout.split(' ')[0] || stderr;
}

export function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let ms = 0; !(await condition()); ms += 5) {
    if (ms > UNTIL_DEADLINE_MS) throw new Error(`it never came to be: ${what}`);
    await sleep(5);
  }
}

export function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);
}
