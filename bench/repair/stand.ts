/** A cluster and a layer that one fault after the other is tried on, in the middle of a stream. */
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { planCluster } from '../../src/emulator/plan.js';
import type { Loss } from '../../src/report/report.js';
import { runJob } from '../run-job.js';
import { choose } from './faults.js';
import type { FaultKind, Struck, Victim } from './faults.js';

const TREE = 'opt/tree';
/** A line that two trees share when names, types, modes, owners, times, links and all bytes are the same. */
const FINGERPRINT = `cd "$1" && {
  find . -type d -printf '%y %m %U:%G %T@ %p\\n' -o -printf '%y %m %U:%G %T@ %s %l %p\\n' | LC_ALL=C sort
  find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
} | sha256sum`;
const FILE_BYTES = 256 << 10;
const IDLE_DEADLINE_MS = 30_000;
const IDLE_POLL_MS = 100;

export interface StandOptions {
  readonly groups: number;
  readonly groupSize: number;
  readonly uplinkMbit: number;
  readonly payloadMiB: number;
  /** How fast a loss is noticed and given up: short, so that a fault is over soon. */
  readonly settings: Readonly<Record<string, string>>;
}

/** One job, and what its report says. */
export interface Outcome {
  /** Of the stream: until the last survivor has everything, in seconds from submission. */
  readonly seconds: number;
  readonly lost: readonly string[];
  readonly losses: readonly Loss[];
  readonly survivors: readonly string[];
  /** Those whose tree is not what the login node has. */
  readonly unequal: readonly string[];
}

/** Where a fault strikes, drawn by chance. */
export interface Strike {
  readonly kind: FaultKind;
  readonly victim: Victim;
  readonly nodes: readonly string[];
  /** Seconds from the start of the command. */
  readonly at: number;
}

export class Stand {
  constructor(
    readonly options: StandOptions,
    readonly cluster: EmbeddedCluster,
    private readonly upper: string,
    private readonly fingerprint: string,
  ) {}

  static async start(options: StandOptions): Promise<Stand> {
    const upper = mkdtempSync(join(tmpdir(), 'tees-repair-'));
    try {
      writeTree(join(upper, TREE), options.payloadMiB);
      const { stdout } = spawnSync('sh', ['-c', FINGERPRINT, 'sh', join(upper, TREE)], { encoding: 'utf8' });
      const { groups, groupSize, uplinkMbit, settings } = options;
      const cluster = await startCluster({ groups, groupSize, uplink: `${uplinkMbit}mbit`, settings });
      return new Stand(options, cluster, upper, stdout.trim());
    } catch (error) {
      rmSync(upper, { recursive: true, force: true });
      throw error;
    }
  }

  async down(): Promise<void> {
    await this.cluster.down();
    rmSync(this.upper, { recursive: true, force: true });
  }

  /** Without a fault. */
  async run(): Promise<Outcome> {
    const { nodes } = this.cluster;
    const options = ['--nodes', nodes.join(','), '--upper', this.upper, '--no-learn', '--complete'];
    const command = ['sh', '-c', FINGERPRINT, 'sh', `/${TREE}`];
    const said: string[] = [];
    const report = await runJob(this.cluster, [...options, '--on-loss', 'continue'], command, {
      onOutput: (text) => said.push(text),
    });
    const lines = new Set(said.join('').split('\n'));
    const survivors = report.nodes.filter((node) => !report.lost.includes(node));
    return {
      seconds: report.timeline.hystereticDelivered ?? NaN,
      ...{ lost: report.lost, losses: report.losses, survivors },
      unequal: survivors.filter((node) => !lines.has(`${node}: ${this.fingerprint}`)),
    };
  }

  /** @param within seconds that a faultless run takes @param group which one; by default any */
  draw(kind: FaultKind, victim: Victim, within: number, random: () => number, group?: number): Strike {
    const { groups, groupSize } = this.options;
    const index = group ?? Math.floor(random() * groups);
    const nodes = choose(
      victim,
      this.cluster.nodes.slice(index * groupSize, (index + 1) * groupSize),
      random,
    );
    return { kind, victim, nodes, at: (0.1 + 0.8 * random()) * within };
  }

  /** A job with these faults, which are undone when it is over. */
  async runStruck(strikes: readonly Strike[]): Promise<Outcome> {
    const over = new AbortController();
    const running = this.run().finally(() => over.abort());
    const struck = strikes.map((strike) => this.#struck(strike));
    const striking = strikes.map(async ({ kind, at }, index) => {
      await sleep(1000 * at);
      await kind.strike(struck[index] as Struck, over.signal);
    });
    try {
      const outcome = await running;
      await Promise.all(striking);
      return outcome;
    } finally {
      over.abort();
      await Promise.allSettled(striking);
      await Promise.all(strikes.map(({ kind }, index) => kind.undo(struck[index] as Struck)));
    }
  }

  /** Nodes that still have something of a job after a while: who was given up tears down by itself. */
  async remains(): Promise<string[]> {
    const deadline = Date.now() + IDLE_DEADLINE_MS;
    for (;;) {
      const busy = await Promise.all(
        this.cluster.nodes.map(async (node) => ((await this.#isIdle(node)) ? [] : [node])),
      );
      if (busy.flat().length === 0 || Date.now() > deadline) return busy.flat();
      await sleep(IDLE_POLL_MS);
    }
  }

  async #isIdle(node: string): Promise<boolean> {
    const jobs = join(this.cluster.stateDirectory, 'nodes', node, 'store/jobs');
    try {
      const { status, stdout } = await this.cluster.exec(node, ['ls', jobs]);
      return status === 0 && stdout.trim() === '';
    } catch {
      return false; // Its daemon is being started again.
    }
  }

  #struck({ victim, nodes }: Strike): Struck {
    const { groups, groupSize } = this.options;
    const plan = planCluster(groups, groupSize);
    const group = plan.groups.find(({ proxy, slaves }) =>
      [proxy, ...slaves].some(({ name }) => name === nodes[0]),
    );
    const { name = '', address = '' } = group?.proxy ?? {};
    return { cluster: this.cluster, victim, nodes, proxy: { name, address } };
  }
}

/**
 * Whether the report names those that the faults have struck for good, all of them, and nobody else. Who was to come back
 * may be lost only when it was not there as the job began: then nobody is waited for (docs/decisions/0009).
 */
export function namesTheLost(strikes: readonly Strike[], { lost, losses }: Outcome): boolean {
  const forGood = strikes.filter(({ kind }) => kind.lasts).flatMap(({ nodes }) => nodes);
  const forNow = strikes.filter(({ kind }) => !kind.lasts).flatMap(({ nodes }) => nodes);
  const named = new Set(losses.map(({ node }) => node));
  return (
    named.size === lost.length &&
    lost.every((node) => named.has(node)) &&
    forGood.every((node) => named.has(node)) &&
    losses.every(
      ({ node, at, path, code }) =>
        at > 0 &&
        path.at(-1) === node &&
        (forGood.includes(node) || (forNow.includes(node) && code === 'NODE_UNREACHABLE')),
    )
  );
}

/** Mostly bytes, and some of what else a tree is made of. */
function writeTree(directory: string, payloadMiB: number): void {
  for (let index = 0; index < (payloadMiB << 20) / FILE_BYTES; index++) {
    const below = join(directory, String(index % 8));
    mkdirSync(below, { recursive: true });
    const file = join(below, `${index}.bin`);
    writeFileSync(file, randomFillSync(Buffer.alloc(FILE_BYTES + index)));
    chmodSync(file, index % 3 === 0 ? 0o755 : 0o640);
  }
  mkdirSync(join(directory, 'empty'), { mode: 0o700 });
  writeFileSync(join(directory, 'nothing'), '');
  symlinkSync('0/0.bin', join(directory, 'first'));
}
