/** What the client measures in: a job's environment on this one node, or the native overlay beside it. */
import { execFile, spawn } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../../src/base/clock.js';
import type { CleanupStack } from '../../src/base/lifecycle.js';
import { prepareDirectories, removeDirectories } from '../../src/environment/directories.js';
import type { JobDirectories } from '../../src/environment/environment.js';
import { launch } from '../../src/environment/launch.js';
import { writeNamesLayer } from '../../src/environment/names-layer.js';
import { overlaySource } from '../../src/environment/plan.js';
import { createHook } from '../../src/serving/hooks.js';
import { CONTENT_LABEL, preloadDirectory, preloadVariables } from '../../src/serving/preload.js';
import { Arrivals } from '../../src/store/arrivals.js';
import type { LayoutName } from '../../src/config/config.js';
import type { Order, Way } from './cases.js';
import { Client } from './client.js';
import { CLIENT, REST } from './tree.js';
import type { Tree } from './tree.js';

/** Nobody's: no passwd entry is needed. */
const USER = 12345;
/** The launcher does not say when it has done it; it takes no thousandth of that. */
const RETIRE_MS = 1_000;
const run = promisify(execFile);

export interface Environment {
  readonly client: Client;
  /** The content is here; twice does no harm. Where everything is native it is from the start. */
  deliver(content: number): void;
  /** From now on what somebody waits for is delivered at once. */
  deliverOnDemand(): void;
  /** As when everything has arrived: the kernel forgets the names that nobody uses. */
  retire(): Promise<void>;
  /** Where a job's processes stand. */
  readonly directory: string;
}

/** Overlayfs over the whole copy, mounted as anybody would. */
export async function enterNative(order: Order, cleanup: CleanupStack): Promise<Environment> {
  const root = mkdtempSync(join(order.store, 'native-'));
  for (const name of ['upper', 'work', 'stage']) mkdirSync(join(root, name));
  await run('chmod', ['0755', root, join(root, 'upper')]);
  return enterOverlay(order, root, `lowerdir=${join(dirname(root), 'copy')}:/`, cleanup);
}

/** A job's layers below an overlay, without a launcher and a hook; everything is there. */
export async function enterByHand(
  order: Order,
  layout: LayoutName,
  tree: Tree,
  cleanup: CleanupStack,
): Promise<Environment> {
  const parent = mkdtempSync(join(order.store, 'hand-'));
  const directories = await prepareDirectories(join(parent, 'layers'));
  cleanup.push('its directory', async () => void (await run('rmdir', [parent])));
  await writeNamesLayer(tree.manifest, directories);
  const arriving = new Arriving(order, directories, tree.manifest.contents.length);
  tree.paths.forEach((path, content) => path !== REST && arriving.deliver(content));
  const { root } = directories;
  await run('chmod', ['0755', parent, root, join(root, 'upper')]);
  return enterOverlay(order, root, `lowerdir=${lowerByHand(directories)[layout]},${METACOPY}`, cleanup);
}

/** As src/environment/plan.ts has them, without what is served. */
const METACOPY = 'metacopy=on,redirect_dir=on,index=off,xino=auto';
const lowerByHand = ({ names, contents }: JobDirectories): Readonly<Record<LayoutName, string>> => ({
  'data-only': `${names}:/::${contents}`,
  stacked: `${names}:${contents}:/`,
});

function enterOverlay(order: Order, root: string, layers: string, cleanup: CleanupStack): Environment {
  const source = basename(root);
  const options = `${layers},upperdir=${root}/upper,workdir=${root}/work`;
  const script = `mount -t overlay -o '${options}' ${source} '${root}/stage' && exec chroot --userspec=${USER}:${USER} '${root}/stage' /${CLIENT}`;
  const child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script]);
  const ended = new Promise((resolve) => child.once('close', resolve));
  cleanup.push('the overlay', async () => {
    child.stdin.end();
    await ended;
    await run('rm', ['-rf', '--one-file-system', root]);
  });
  return {
    client: new Client(child),
    deliver: () => {},
    deliverOnDemand: () => {},
    retire: () => remount(child.pid as number, join(order.store, 'client'), join(root, 'stage')),
    directory: root,
  };
}

/**
 * A job's environment as a node daemon composes it; contents arrive by being linked to where the overlay looks.
 * The client is there from the beginning.
 */
export async function enterJob(
  order: Order,
  way: Way,
  tree: Tree,
  arrived: readonly number[],
  cleanup: CleanupStack,
): Promise<Environment> {
  const parent = mkdtempSync(join(order.store, 'jobs-'));
  const directories = await prepareDirectories(join(parent, `${basename(parent)}-1`));
  cleanup.push('the job', async () => {
    await removeDirectories(directories);
    await run('rmdir', [parent]);
  });
  const isPreload = way.hook === 'preload';
  await writeNamesLayer(tree.manifest, directories, isPreload ? { label: CONTENT_LABEL } : {});
  const arriving = new Arriving(order, directories, tree.manifest.contents.length);
  const hook = createHook(way.hook, way.fuseEngine, {
    jobDirectory: directories.root,
    directory: directories.served,
    contentCount: tree.manifest.contents.length,
    sizeOf: (content) => tree.manifest.contents[content]?.size ?? 0,
    pathOf: (content) => arriving.pathOf(content),
    arrivals: arriving.arrivals,
    job: { uid: USER, source: overlaySource(directories) },
  });
  cleanup.push('the hook', () => hook.stop());
  await hook.start();
  for (const content of [tree.paths.indexOf(CLIENT), ...arrived]) arriving.deliver(content);
  const env = { PATH: '/usr/bin:/bin' };
  const task = await launch(
    {
      directories,
      layout: way.layout,
      bind: [],
      allow: [],
      limits: { root: 'tees-tests', name: 'job' },
      hidden: [order.store],
      ...(isPreload ? { hookDirectory: preloadDirectory(directories.served) } : {}),
      identity: { uid: USER, gid: USER, groups: [] },
    },
    { argv: [`/${CLIENT}`], env: isPreload ? preloadVariables(env) : env, cwd: '/' },
  );
  cleanup.push('the task', async () => {
    task.kill();
    await task.exit;
    task.release();
  });
  return {
    client: new Client(task),
    deliver: (content) => arriving.deliver(content),
    deliverOnDemand: () => arriving.deliverOnDemand(),
    retire: async () => {
      task.retireHook();
      await sleep(RETIRE_MS);
    },
    directory: directories.root,
  };
}

class Arriving {
  readonly arrivals: Arrivals;
  #onDemand = false;

  constructor(
    private readonly order: Order,
    private readonly directories: JobDirectories,
    contentCount: number,
  ) {
    // Not from within the announcement, as no store would.
    const blocked = (content: number): void =>
      void setImmediate(() => this.#onDemand && this.deliver(content));
    this.arrivals = new Arrivals(contentCount, systemClock, { blocked });
  }

  pathOf(content: number): string {
    return join(this.directories.contents, '.tees', String(content));
  }

  deliver(content: number): void {
    if (this.arrivals.isHere(content)) return;
    linkSync(join(this.order.store, 'contents', String(content)), this.pathOf(content));
    this.arrivals.arrived(content);
  }

  deliverOnDemand(): void {
    this.#onDemand = true;
    for (const { content } of this.arrivals.blocked()) this.deliver(content);
  }
}

/** What the launcher does when the hook retires, in the namespace of another process. */
async function remount(pid: number, client: string, path: string): Promise<void> {
  await run('nsenter', ['-t', String(pid), '-m', client, 'remount', path]);
}
