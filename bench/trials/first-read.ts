/**
 * How long after submission a file can be read, for a file early, in the middle and last in the stream, against
 * waiting for the whole layer. The command is `cat FILE`: when it has ended on the slowest node, the file was read
 * there. The bound is what must cross an uplink before the file is whole, at the uplink's rate.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { runJob } from '../run-job.js';
import { median } from '../trial.js';
import type { Trial, TrialContext } from '../trial.js';

const GROUPS = 2;
const GROUP_SIZE = 4;
const UPLINK_MBIT = 200;
const FILES = 48;
const FILE_BYTES = 4 << 20;
const ROUNDS = 3;
const UPLINK_BYTES_PER_SECOND = (UPLINK_MBIT * 1e6) / 8;

interface Target {
  readonly name: string;
  /** The file's place in the stream, from 0. */
  readonly index: number;
  /** Everything is urgent: the command starts when the whole layer is there. */
  readonly whole?: boolean;
}

const TARGETS: readonly Target[] = [
  { name: 'early', index: 1 },
  { name: 'middle', index: FILES / 2 },
  { name: 'last', index: FILES - 1 },
  { name: 'whole layer', index: FILES - 1, whole: true },
];

export const trial: Trial = async (context) => {
  const upper = makeLayer(context);
  context.say(
    `${GROUPS} groups of ${GROUP_SIZE} nodes, uplinks of ${UPLINK_MBIT} Mbit/s, ${FILES} files of ${FILE_BYTES >> 20} MiB`,
  );
  const cluster = await startCluster({ groups: GROUPS, groupSize: GROUP_SIZE, uplink: `${UPLINK_MBIT}mbit` });
  context.cleanup.push('the cluster', () => cluster.down());
  const seconds = new Map<string, number[]>(TARGETS.map(({ name }) => [name, []]));
  // The first run hashes the layer and warms every daemon up; it does not count.
  await measure(cluster, upper, TARGETS[0] as Target);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const target of TARGETS) {
      const taken = await measure(cluster, upper, target);
      seconds.get(target.name)?.push(taken);
      context.say(`round ${round} of ${ROUNDS}, ${target.name}: ${taken.toFixed(2)} s`);
    }
  }
  return {
    text: table(seconds),
    facts: {
      uplinkMbit: UPLINK_MBIT,
      files: FILES,
      fileBytes: FILE_BYTES,
      seconds: Object.fromEntries(seconds),
    },
  };
};

function makeLayer(context: TrialContext): string {
  const upper = mkdtempSync(join(tmpdir(), 'tees-first-read-'));
  context.cleanup.push('the layer', () => rmSync(upper, { recursive: true, force: true }));
  mkdirSync(join(upper, 'opt/stream'), { recursive: true });
  const bytes = Buffer.alloc(FILE_BYTES);
  for (let index = 0; index < FILES; index++)
    writeFileSync(join(upper, fileName(index)), randomFillSync(bytes));
  return upper;
}

/** Files of one size travel in the order of their names. */
function fileName(index: number): string {
  return `opt/stream/${String(index).padStart(3, '0')}`;
}

/** @returns seconds from submission until the slowest node has read the file */
async function measure(cluster: EmbeddedCluster, upper: string, { index, whole }: Target): Promise<number> {
  const nodes = `cn[0-${cluster.nodes.length - 1}]`;
  const urgent = whole ? ['--urgent', '/opt/stream'] : [];
  // What cat is given as an argument would be urgent; behind a shell's redirection it is not.
  const command = ['sh', '-c', `cat < /${fileName(index)}`];
  const { timeline } = await runJob(cluster, ['--nodes', nodes, '--upper', upper, ...urgent], command);
  if (timeline.exited === undefined) throw new Error('the command did not end on every node');
  return timeline.exited;
}

function table(seconds: ReadonlyMap<string, readonly number[]>): string {
  const whole = median(seconds.get('whole layer') ?? []);
  const lines = [
    'Time to first read, seconds from submission, slowest of 8 nodes, median of 3',
    '',
    'file         in the stream   first read   bound   of the whole layer',
  ];
  for (const { name, index } of TARGETS) {
    const taken = median(seconds.get(name) ?? []);
    const bound = ((index + 1) * FILE_BYTES) / UPLINK_BYTES_PER_SECOND;
    const cells = [
      name.padEnd(13),
      (name === 'whole layer' ? 'all' : `${index + 1} of ${FILES}`).padEnd(16),
      taken.toFixed(2).padStart(8),
      bound.toFixed(2).padStart(10),
      (taken / whole).toFixed(2).padStart(12),
    ];
    lines.push(cells.join(''));
  }
  return lines.join('\n');
}
