/**
 * One measurement in a process of its own, which stands for the node daemon: node round.js ORDER, where ORDER is JSON.
 * Prints what it has measured as JSON.
 */
import { mkdtempSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CleanupStack, onShutdownSignal } from '../../src/base/lifecycle.js';
import { prepareDirectories, removeDirectories } from '../../src/environment/directories.js';
import { writeNamesLayer } from '../../src/environment/names-layer.js';
import type { LayoutName } from '../../src/config/config.js';
import { BY_HAND, MOMENTS, NATIVE, WAYS } from './cases.js';
import type { Action, Blocked, CaseName, Measured, Names, Order } from './cases.js';
import { enterByHand, enterJob, enterNative } from './environment.js';
import type { Environment } from './environment.js';
import { MAP, READ, REST, SUBTREES, makeNames, makeTree } from './tree.js';
import type { Tree } from './tree.js';

/** What somebody waits for has long been heard of by then, a thousand times over. */
const SETTLE_MS = 3_000;

async function main(order: Order): Promise<void> {
  const cleanup = new CleanupStack((step, error) => console.error(`while cleaning up ${step}:`, error));
  onShutdownSignal(() => cleanup.run());
  try {
    const answer = await MEASURES[order.kind](order, cleanup);
    process.stdout.write(JSON.stringify(answer));
  } finally {
    await cleanup.run();
  }
}

const MEASURES: Readonly<Record<Order['kind'], (order: Order, cleanup: CleanupStack) => Promise<unknown>>> = {
  moment: measureMoment,
  blocked: measureBlocked,
  names: measureNames,
};

async function measureMoment(order: Order, cleanup: CleanupStack): Promise<Measured> {
  const { arrived, steps } = MOMENTS[order.moment ?? 'before'];
  const tree = makeTree(order.sizes, order.clientBytes);
  const all = tree.paths.flatMap((path, content) => (path === REST ? [] : [content]));
  const environment = await enter(order, tree, arrived ? all : [], cleanup);
  const rates: Partial<Record<CaseName, number>> = {};
  let cached = 0;
  for (const step of steps) {
    if ('act' in step) {
      await act(step.act, environment, order, tree);
      continue;
    }
    const before = cachedKib();
    rates[step.measure] = await measure(step.measure, environment, order);
    if (step.measure === 'read' || step.measure === 'map') cached += cachedKib() - before;
  }
  return { rates, cachedMiB: cached / 1024 };
}

function enter(
  order: Order,
  tree: Tree,
  arrived: readonly number[],
  cleanup: CleanupStack,
): Promise<Environment> {
  if (order.way === NATIVE) return enterNative(order, cleanup);
  for (const [layout, name] of Object.entries(BY_HAND))
    if (order.way === name) return enterByHand(order, layout as LayoutName, tree, cleanup);
  const way = WAYS.find(({ name }) => name === order.way);
  if (!way) throw new Error(`there is no way '${order.way}'`);
  return enterJob(order, way, tree, arrived, cleanup);
}

function measure(name: CaseName, { client }: Environment, { sizes }: Order): Promise<number> {
  const shape = [sizes.directories, sizes.perDirectory] as const;
  switch (name) {
    case 'read':
      return client.ask('read', `/${READ}`);
    case 'map':
      return client.ask('map', `/${MAP}`);
    case 'openCold':
    case 'openWarm':
      return client.ask('open', `/${SUBTREES.open}`, ...shape);
    default:
      return client.ask(name, `/${SUBTREES[name]}`, ...shape);
  }
}

async function act(action: Action, environment: Environment, order: Order, tree: Tree): Promise<void> {
  const { client } = environment;
  switch (action) {
    case 'open all, deliver on demand':
      environment.deliverOnDemand();
      await client.ask('prime', `/${SUBTREES.open}`, order.sizes.directories, order.sizes.perDirectory);
      for (const path of [READ, MAP]) await client.ask('touch', `/${path}`);
      return;
    case 'deliver all':
      return tree.paths.forEach((_, content) => environment.deliver(content));
    case 'retire':
      return environment.retire();
  }
}

async function measureBlocked(order: Order, cleanup: CleanupStack): Promise<Blocked> {
  const tree = makeTree({ ...order.sizes, directories: 1, perDirectory: 1 }, order.clientBytes);
  const environment = await enter(order, tree, [], cleanup);
  const before = serving(environment.directory);
  await environment.client.ask('block', order.sizes.blocked, `/${READ}`);
  await sleep(SETTLE_MS);
  const during = serving(environment.directory);
  const start = performance.now();
  environment.deliverOnDemand();
  const opened = await environment.client.ask('join');
  const wakeMs = performance.now() - start;
  if (opened !== order.sizes.blocked) throw new Error(`${opened} of ${order.sizes.blocked} could open`);
  return { threads: during.threads - before.threads, mib: (during.kib - before.kib) / 1024, wakeMs };
}

async function measureNames(order: Order, cleanup: CleanupStack): Promise<Names> {
  const { manifest } = makeNames(order.sizes.names);
  const directories = await prepareDirectories(join(mkdtempSync(join(order.store, 'jobs-')), 'names'));
  cleanup.push('the names', () => removeDirectories(directories));
  const start = performance.now();
  await writeNamesLayer(manifest, directories);
  return { ms: performance.now() - start };
}

/** This process, and those that stand in the job's directory: its pair. */
function serving(directory: string): { threads: number; kib: number } {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && standsIn(name, directory));
  const field = (pid: string, name: string): number => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? NaN);
  };
  const sum = (name: string): number => [...pids, 'self'].reduce((total, pid) => total + field(pid, name), 0);
  return { threads: sum('Threads'), kib: sum('VmRSS') };
}

function standsIn(pid: string, directory: string): boolean {
  try {
    const isPair = /^tees-(serve|keep)$/.test(readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
    return isPair && readlinkSync(`/proc/${pid}/cwd`) === directory;
  } catch {
    return false; // It has ended.
  }
}

/** The page cache but for shared memory, which the store's own contents are here. Of the whole machine. */
function cachedKib(): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
  return of('Cached') - of('Shmem');
}

main(JSON.parse(process.argv[2] ?? '{}') as Order).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
