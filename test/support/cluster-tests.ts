/** Tests that share one embedded cluster and some layers, as long as their file runs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import anyTest from 'ava';
import type { ExecutionContext, TestFn } from 'ava';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import type { ClusterOptions } from '../../src/emulator/options.js';
import { RunningJob, withoutCluster } from './tees.js';

export interface Shared {
  readonly cluster: EmbeddedCluster;
  /** A directory that is removed in the end; the layers lie in it, by name. */
  readonly scratch: string;
}

export type Test = ExecutionContext<Shared>;

/** Files by their paths. */
export type LayerFiles = Readonly<Record<string, string | Buffer>>;

/** Declares a test, one after the other; skipped, saying why, where there can be no cluster. */
type Declare = (title: string, run: (t: Test) => Promise<void>) => void;

export function clusterTests(options: ClusterOptions, layers: Readonly<Record<string, LayerFiles>>): Declare {
  const test = anyTest as TestFn<Shared>;
  // Hooks run in the order in which they are declared: the cluster goes before its layers.
  test.serial.after.always((t) => t.context.cluster?.down());
  const maybe = layerTests(layers);
  test.serial.before(async (t) => {
    if (!withoutCluster) t.context = { ...t.context, cluster: await startCluster(options) };
  });
  return maybe;
}

/** Tests that break their clusters: each has one of its own. The layers are shared. */
export function brokenClusterTests(
  options: ClusterOptions,
  layers: Readonly<Record<string, LayerFiles>>,
): (title: string, run: (t: Test) => Promise<void>, others?: ClusterOptions) => void {
  const maybe = layerTests(layers);
  return (title, run, others) =>
    maybe(title, async (t) => {
      t.timeout(120_000);
      const shared = t.context;
      const cluster = await startCluster({ ...options, ...others });
      t.context = { ...shared, cluster };
      try {
        await run(t);
      } finally {
        await cluster.down();
        t.context = shared;
      }
    });
}

/** A file may have tests of both kinds: hooks that are not serial would run at the same time, and the last one would have its way. */
function layerTests(layers: Readonly<Record<string, LayerFiles>>): Declare {
  const test = anyTest as TestFn<Shared>;
  test.serial.before(async (t) => {
    if (withoutCluster) return;
    const scratch = t.context.scratch ?? (await mkdtemp(join(tmpdir(), 'tees-job-')));
    t.context = { ...t.context, scratch };
    for (const [name, files] of Object.entries(layers)) writeLayer(join(scratch, name), files);
  });
  test.serial.after.always(async (t) => {
    if (t.context.scratch) await rm(t.context.scratch, { recursive: true, force: true });
  });
  return (title, run) => {
    if (withoutCluster) test.skip(`${title} (skipped: ${withoutCluster})`, run);
    else test.serial(title, run);
  };
}

export function writeLayer(directory: string, files: LayerFiles): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
}

/** The words of `tees run` up to the command. */
export function runWords({ context }: Test, layer: string, nodes: string, ...options: string[]): string[] {
  const { cluster, scratch } = context;
  const where = ['--cluster', cluster.stateDirectory, '--nodes', nodes, '--upper', join(scratch, layer)];
  return ['run', ...where, ...options, '--'];
}

/** A shell script on nodes, as it runs. */
export function startJob(
  t: Test,
  layer: string,
  nodes: string,
  script: string,
  ...options: string[]
): RunningJob {
  return new RunningJob([...runWords(t, layer, nodes, ...options), 'sh', '-c', script]);
}
