/** The same operations in an environment whose contents are missing, and in one that was copied whole. */
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { rmdirSync } from 'node:fs';
import type { ByteString } from '../../../src/base/bytes.js';
import { systemClock } from '../../../src/base/clock.js';
import type { LayoutName } from '../../../src/config/config.js';
import { prepareDirectories, removeDirectories } from '../../../src/environment/directories.js';
import { writeNamesLayer } from '../../../src/environment/names-layer.js';
import { overlaySource } from '../../../src/environment/plan.js';
import type { Content } from '../../../src/image/manifest.js';
import type { LayerSource } from '../../../src/scan/source.js';
import { createHook } from '../../../src/serving/hooks.js';
import { CONTENT_LABEL, preloadDirectory, preloadVariables } from '../../../src/serving/preload.js';
import { Arrivals } from '../../../src/store/arrivals.js';
import { JobStore } from '../../../src/store/job-store.js';
import { makeWhiteout } from '../../support/special-layer.js';
import { USER, makeStore, runTask } from '../environment/fixture.js';
import type { TaskOptions } from '../environment/fixture.js';
import { CUE_FILE, LATE_FILE, UNASKED_FILE } from './layer.js';

/** From the first wait for a content until it is given. */
const DELAY_MS = 5;
const LATE_DELAY_MS = 6_000;
const UNASKED_DELAY_MS = 300;

export interface Variant {
  readonly name: string;
  readonly hook: 'fuse' | 'preload';
  readonly engine: 'tees' | 'fuse-native';
  readonly layout: LayoutName;
}

export const VARIANTS: readonly Variant[] = [
  { name: 'tees, stacked', hook: 'fuse', engine: 'tees', layout: 'stacked' },
  { name: 'tees, data-only', hook: 'fuse', engine: 'tees', layout: 'data-only' },
  { name: 'fuse-native, stacked', hook: 'fuse', engine: 'fuse-native', layout: 'stacked' },
  { name: 'fuse-native, data-only', hook: 'fuse', engine: 'fuse-native', layout: 'data-only' },
  { name: 'preload, data-only', hook: 'preload', engine: 'tees', layout: 'data-only' },
];

/** What each operation has said, by its place. */
export type Observed = readonly string[];

export interface Served {
  readonly observed: Observed;
  /** The places of the operations that have waited for something. */
  readonly waited: ReadonlySet<number>;
}

export interface Trial {
  /** Of the node: the operations' directories, and the program that tries them. */
  readonly node: string;
  readonly count: number;
}

/** Everything was there before: the layer itself, copied, lies over the node's root. */
export async function observeCopied(t: ExecutionContext, upper: string, trial: Trial): Promise<Observed> {
  const store = makeStore(t);
  const directories = await prepareDirectories(join(store, 'jobs', randomUUID()));
  t.teardown(() => removeDirectories(directories));
  rmdirSync(directories.names);
  execFileSync('cp', ['-a', upper, directories.names]);
  makeWhiteout(join(directories.names, '.tees'));
  return runOperations({ directories, store }, trial, { layout: 'stacked' });
}

/** Nothing is there before it is waited for. */
export async function observeServed(
  t: ExecutionContext,
  source: LayerSource,
  variant: Variant,
  trial: Trial,
): Promise<Served> {
  const { manifest } = source;
  const { hook: hookName, engine, layout } = variant;
  const place = makeStore(t);
  const directories = await prepareDirectories(join(place, 'jobs', randomUUID()));
  const failures: unknown[] = [];
  const deliver = async (content: number): Promise<void> => {
    const { firstChunk, chunkCount } = manifest.contents[content] as Content;
    for (let chunk = firstChunk; chunk < firstChunk + chunkCount; chunk++)
      await store.put(chunk, await source.readChunk(chunk));
  };
  const soon = (content: number, delayMs: number): void => {
    setTimeout(() => {
      deliver(content).catch((error: unknown) => failures.push(error));
    }, delayMs);
  };
  const byPath = new Map(Array.from(manifest.contents, (_, content) => [source.pathOf(content), content]));
  const waited = new Set<number>();
  const blocked = (content: number): void => {
    const path = source.pathOf(content);
    waited.add(placeOf(path, trial));
    soon(content, basename(path) === LATE_FILE ? LATE_DELAY_MS : DELAY_MS);
    const unasked = byPath.get(join(dirname(path), UNASKED_FILE) as ByteString);
    if (basename(path) === CUE_FILE) soon(unasked as number, UNASKED_DELAY_MS);
  };
  const arrivals = new Arrivals(manifest.contents.length, systemClock, { blocked });
  const store = JobStore.create({ manifest, directories, arrivals });
  const isPreload = hookName === 'preload';
  await writeNamesLayer(manifest, directories, isPreload ? { label: CONTENT_LABEL } : {});
  const hook = createHook(hookName, engine, {
    jobDirectory: directories.root,
    directory: directories.served,
    contentCount: manifest.contents.length,
    sizeOf: (content) => (manifest.contents[content] as Content).size,
    pathOf: (content) => store.contentPath(content),
    arrivals,
    job: { uid: USER, source: overlaySource(directories) },
    onUncovered: () => {
      for (const content of manifest.contents.keys()) soon(content, DELAY_MS);
    },
  });
  t.teardown(async () => {
    await hook.stop();
    await store.close();
    await removeDirectories(directories);
  });
  await hook.start();
  const observed = await runOperations({ directories, store: place }, trial, {
    layout,
    ...(isPreload
      ? {
          env: preloadVariables({}),
          environment: { hookDirectory: preloadDirectory(directories.served) },
        }
      : {}),
  });
  t.deepEqual(failures, [], 'everything that was asked for could be given');
  return { observed, waited };
}

/** Of the operation to whose directory the layer's path belongs. */
function placeOf(path: string, { node }: Trial): number {
  return Number(path.slice(node.length).split('/')[0]);
}

async function runOperations(
  job: Parameters<typeof runTask>[0],
  { node, count }: Trial,
  options: TaskOptions,
): Promise<Observed> {
  const { status, stdout, stderr } = await runTask(job, [join(node, 'operations'), node], options);
  if (status !== 0) throw new Error(`the operations ended with ${status}: ${stderr}`);
  const lines = new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [place = '', said = ''] = line.split('\t');
        return [Number(place), said.replaceAll(node, 'HERE')];
      }),
  );
  return Array.from({ length: count }, (_, place) => lines.get(place) ?? 'nothing was said');
}
