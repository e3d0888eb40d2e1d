/**
 * What a fault in the middle of a stream costs: nodes are killed, frozen, slowed down and cut off at random moments, and
 * everybody else must complete, with the same bytes. Compared with runs of the same job without a fault.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHash, randomFillSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { seededRandom } from '../../src/topology/random.js';
import { FAULTS } from '../repair/faults.js';
import type { Fault } from '../repair/faults.js';
import { runJob } from '../run-job.js';
import { median } from '../trial.js';
import type { Trial, TrialContext } from '../trial.js';

const GROUPS = 3;
const GROUP_SIZE = 4;
const UPLINK_MBIT = 100;
const FILES = 32;
const FILE_BYTES = 2 << 20;
const MOMENTS = { full: 10, quick: 1 } as const;
const FAULTLESS_RUNS = 3;
/** Short, so that a fault is over before the bench is: how fast a loss is noticed is a setting. */
const SETTINGS = { silenceDeadline: '2s', repairDelay: '500ms', recoveryDeadline: '5s' };
const IDLE_DEADLINE_MS = 60_000;

interface Bench {
  readonly cluster: EmbeddedCluster;
  readonly upper: string;
  readonly digest: string;
}

interface Outcome {
  /** Of the stream: until the last survivor has everything, in seconds from submission. */
  readonly seconds: number;
  readonly lost: readonly string[];
  /** Survivors whose tree has the right bytes, and all survivors. */
  readonly right: number;
  readonly survivors: number;
}

interface Struck extends Outcome {
  readonly struck: readonly string[];
  /** Seconds from submission. */
  readonly at: number;
}

export const trial: Trial = async (context) => {
  const bench = await prepare(context);
  const moments = context.quick ? MOMENTS.quick : MOMENTS.full;
  await run(bench); // The first one hashes the layer, and does not count.
  const faultless: Outcome[] = [];
  for (let i = 0; i < FAULTLESS_RUNS; i++) faultless.push(await run(bench));
  const base = median(faultless.map(({ seconds }) => seconds));
  context.say(`without a fault: ${base.toFixed(2)} s`);
  const results = new Map<Fault, Struck[]>();
  for (const [index, fault] of FAULTS.entries()) {
    const random = seededRandom(index + 1);
    const outcomes: Struck[] = [];
    results.set(fault, outcomes);
    for (let i = 0; i < moments; i++) {
      const outcome = await runStruck(bench, fault, (0.1 + 0.8 * random()) * base, random);
      outcomes.push(outcome);
      context.say(
        `${fault.name} at ${outcome.at.toFixed(1)} s: ${outcome.seconds.toFixed(2)} s, lost ${outcome.lost.join(', ') || 'nobody'}`,
      );
    }
  }
  return {
    text: table(base, results),
    facts: {
      settings: SETTINGS,
      faultless,
      faults: [...results].map(([{ name }, runs]) => ({ name, runs })),
    },
  };
};

async function prepare(context: TrialContext): Promise<Bench> {
  const scratch = mkdtempSync(join(tmpdir(), 'tees-repair-'));
  context.cleanup.push('the layer', () => rmSync(scratch, { recursive: true, force: true }));
  const upper = join(scratch, 'upper');
  mkdirSync(join(upper, 'opt/tree'), { recursive: true });
  const whole = createHash('sha256');
  for (let index = 0; index < FILES; index++) {
    const bytes = randomFillSync(Buffer.alloc(FILE_BYTES));
    whole.update(bytes);
    writeFileSync(join(upper, 'opt/tree', String(index).padStart(3, '0')), bytes);
  }
  context.say(`${GROUPS} groups of ${GROUP_SIZE} nodes, uplinks of ${UPLINK_MBIT} Mbit/s`);
  const cluster = await startCluster({
    groups: GROUPS,
    groupSize: GROUP_SIZE,
    uplink: `${UPLINK_MBIT}mbit`,
    settings: SETTINGS,
  });
  context.cleanup.push('the cluster', () => cluster.down());
  return { cluster, upper, digest: whole.digest('hex') };
}

async function run({ cluster, upper, digest }: Bench): Promise<Outcome> {
  const options = [
    '--nodes',
    `cn[0-${cluster.nodes.length - 1}]`,
    '--upper',
    upper,
    '--no-learn',
    '--complete',
  ];
  const lines: string[] = [];
  const command = ['sh', '-c', 'cat /opt/tree/* | sha256sum'];
  const report = await runJob(cluster, [...options, '--on-loss', 'continue'], command, {
    onOutput: (text) => lines.push(text),
  });
  const survivors = report.nodes.filter((node) => !report.lost.includes(node));
  const said = lines.join('').split('\n');
  const right = survivors.filter((node) => said.includes(`${node}: ${digest}  -`));
  return {
    seconds: report.timeline.hystereticDelivered ?? NaN,
    lost: report.lost,
    right: right.length,
    survivors: survivors.length,
  };
}

async function runStruck(bench: Bench, fault: Fault, at: number, random: () => number): Promise<Struck> {
  const { cluster } = bench;
  const group = Math.floor(random() * GROUPS);
  const nodes = cluster.nodes.slice(group * GROUP_SIZE, (group + 1) * GROUP_SIZE);
  const struck = fault.choose(nodes, random);
  const over = new AbortController();
  const running = run(bench).finally(() => over.abort());
  await sleep(1000 * at);
  const strikes = struck.map((node) => fault.strike(cluster, node, over.signal));
  try {
    return { ...(await running), struck, at };
  } finally {
    over.abort();
    await Promise.all(strikes);
    await Promise.all(struck.map((node) => fault.undo(cluster, node)));
    await untilIdle(cluster);
  }
}

/** Who was given up tears down by itself. */
async function untilIdle(cluster: EmbeddedCluster): Promise<void> {
  const deadline = Date.now() + IDLE_DEADLINE_MS;
  for (const node of cluster.nodes) {
    const jobs = join(cluster.stateDirectory, 'nodes', node, 'store/jobs');
    while (await hasJobs(cluster, node, jobs)) {
      if (Date.now() > deadline) throw new Error(`${node} still has a job`);
      await sleep(100);
    }
  }
}

async function hasJobs(cluster: EmbeddedCluster, node: string, directory: string): Promise<boolean> {
  try {
    const { status, stdout } = await cluster.exec(node, ['ls', directory]);
    return status !== 0 || stdout.trim() !== '';
  } catch {
    return true; // Its daemon is being started again.
  }
}

function table(base: number, results: ReadonlyMap<Fault, readonly Struck[]>): string {
  const head = ['named', 'equal', 'median', 'longest', 'x none'].map((text) => text.padStart(9)).join('');
  const rows = [...results].map(([fault, runs]) => {
    const times = runs.map(({ seconds }) => seconds);
    const named = runs.filter((one) => isNamed(fault, one)).length;
    const equal = runs.filter(({ right, survivors }) => right === survivors).length;
    const cells = [
      `${named}/${runs.length}`,
      `${equal}/${runs.length}`,
      median(times).toFixed(2),
      Math.max(...times).toFixed(2),
      (median(times) / base).toFixed(2),
    ];
    return fault.name.padEnd(34) + cells.map((text) => text.padStart(9)).join('');
  });
  return [
    `A fault at a random moment of a stream of ${(FILES * FILE_BYTES) >> 20} MiB to ${GROUPS * GROUP_SIZE} nodes, seconds until the last`,
    `survivor has everything; without a fault ${base.toFixed(2)} s. Uplinks of ${UPLINK_MBIT} Mbit/s; silence is`,
    `noticed after ${SETTINGS.silenceDeadline}, others lead on after ${SETTINGS.repairDelay} more, and a node is lost after ${SETTINGS.recoveryDeadline}.`,
    'named: the report names those struck, and nobody else; equal: every survivor has',
    'the same bytes as the login node.',
    '',
    ''.padEnd(34) + head,
    ...rows,
  ].join('\n');
}

/** Who is back in time is not lost; who is not, must be. */
function isNamed({ lasts }: Fault, { lost, struck }: Struck): boolean {
  const only = lost.every((node) => struck.includes(node));
  return only && (!lasts || lost.length === struck.length);
}
