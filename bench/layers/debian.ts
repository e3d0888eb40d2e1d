/**
 * Real upper layers for demonstrations, benchmarks and tests: what a user would have after installing Debian
 * packages in their environment, made without root, without the host noticing, and offline once it is cached.
 */
import { readdir, readFile, rename, rm, mkdir, writeFile, lstat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fetchPackages, requestKey } from './packages.js';
import { compilePython, unpackPackages } from './unpack.js';

/** Counts up when a layer comes out differently, so that older ones are made anew. */
const RECIPE = 1;

export interface DebianLayerOptions {
  readonly packages: readonly string[];
  /** Left out, together with what only they need. */
  readonly without?: readonly string[];
  /** Becomes the layer; what was there is replaced. */
  readonly directory: string;
  readonly cacheDirectory: string;
  readonly onProgress?: (text: string) => void;
  /** Gives up; nothing of the layer stays. */
  readonly signal?: AbortSignal;
}

export interface DebianLayer {
  readonly directory: string;
  /** `name version`, everything that was unpacked. */
  readonly packages: string[];
  /** Of regular files, hard links counted once. */
  readonly bytes: number;
  readonly files: number;
}

/** @throws TeesError PACKAGE_UNKNOWN, PACKAGES_UNAVAILABLE, LAYER_PROGRAM_MISSING, LAYER_PROGRAM_FAILED */
export async function prepareDebianLayer(options: DebianLayerOptions): Promise<DebianLayer> {
  const { directory, onProgress, signal } = options;
  const stamp = `${directory}.json`;
  const key = `${RECIPE}-${requestKey(options)}`;
  const complete = await readStamp(stamp, key, directory);
  if (complete) return complete;

  await mkdir(dirname(directory), { recursive: true });
  await mkdir(options.cacheDirectory, { recursive: true });
  await removeLeftovers(directory);
  const plan = await fetchPackages(options);
  const partial = `${directory}.partial-${process.pid}`;
  try {
    const archives = plan.map(({ file }) => join(options.cacheDirectory, 'archives', file));
    await unpackPackages(archives, partial, onProgress, signal);
    await compilePython(partial, onProgress, signal);
    signal?.throwIfAborted();
    const packages = plan.map(({ name, version }) => `${name} ${version}`);
    const layer: DebianLayer = { directory, packages, ...(await measure(partial)) };
    await rm(stamp, { force: true });
    if (existsSync(directory)) await rename(directory, `${partial}.old`);
    await rename(partial, directory);
    await writeFile(stamp, JSON.stringify({ key, ...layer }, undefined, 1));
    return layer;
  } finally {
    // A program that was told to end may still write while it does.
    await rm(partial, { recursive: true, force: true, maxRetries: 5 });
    await rm(`${partial}.old`, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function readStamp(stamp: string, key: string, directory: string): Promise<DebianLayer | undefined> {
  try {
    const { key: found, ...layer } = JSON.parse(await readFile(stamp, 'utf8')) as DebianLayer & {
      key: string;
    };
    return found === key && existsSync(directory) ? { ...layer, directory } : undefined;
  } catch {
    return undefined;
  }
}

/** Of preparations that were killed. */
async function removeLeftovers(directory: string): Promise<void> {
  const prefix = `${basename(directory)}.partial-`;
  for (const name of await readdir(dirname(directory))) {
    if (!name.startsWith(prefix) || existsSync(`/proc/${parseInt(name.slice(prefix.length))}`)) continue;
    await rm(join(dirname(directory), name), { recursive: true, force: true });
  }
}

async function measure(root: string): Promise<{ bytes: number; files: number }> {
  const seen = new Set<number>();
  let bytes = 0;
  let files = 0;
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files += 1;
    const { ino, size } = await lstat(join(entry.parentPath, entry.name));
    if (!seen.has(ino)) bytes += size;
    seen.add(ino);
  }
  return { bytes, files };
}
