/**
 * How long after submission a file can be read: the first, the middle and the last one of a stream. The command is
 * `cat FILE`: when it has ended on the slowest node, the file was read there. Several ways are compared in one run, on
 * one cluster: with and without demand, by each serving engine, and the two ways in which everything is sent first.
 */
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { runJob } from '../run-job.js';
import { Squashfs } from '../squashfs.js';
import { median } from '../trial.js';
import type { Trial, TrialContext } from '../trial.js';

const GROUPS = 2;
const GROUP_SIZE = 4;
const UPLINK_MBIT = 200;
const FILES = 128;
const FILE_BYTES = 4 << 20;
const ROUNDS = { full: 3, quick: 1 } as const;
const UPLINK_BYTES_PER_SECOND = (UPLINK_MBIT * 1e6) / 8;

const POSITIONS = [
  { name: 'first', index: 0 },
  { name: 'middle', index: FILES / 2 },
  { name: 'last', index: FILES - 1 },
] as const;

interface Reading {
  /** From submission until the slowest node has read the file. */
  readonly seconds: number;
  /** Of that, the longest time that a node's open was blocked; undefined where nothing blocks. */
  readonly blocked?: number;
}

/** In the order of POSITIONS. */
type Readings = readonly Reading[];

interface Bench {
  readonly cluster: EmbeddedCluster;
  readonly squashfs: Squashfs;
  /** The layer, the same as one image file in a layer of its own, and that image. */
  readonly upper: string;
  readonly imageUpper: string;
  readonly image: string;
}

interface Way {
  readonly name: string;
  readonly measure: (bench: Bench) => Promise<Readings>;
}

/** The first is what the others are compared with. */
const WAYS: readonly Way[] = [
  { name: 'tees', measure: (bench) => readEach(bench, []) },
  { name: 'order kept (--no-demand)', measure: (bench) => readEach(bench, ['--no-demand']) },
  { name: 'by fuse-native', measure: (bench) => readEach(bench, ['--fuse-engine', 'fuse-native']) },
  { name: 'whole copy, then start', measure: readAfterWholeCopy },
  { name: 'squashfs image whole, then mount', measure: readFromImage },
];

export const trial: Trial = async (context) => {
  const rounds = context.quick ? ROUNDS.quick : ROUNDS.full;
  const bench = await prepare(context);
  const readings = new Map<string, Readings[]>(WAYS.map(({ name }) => [name, []]));
  // The first runs hash the layers and warm every daemon up; they do not count.
  await timeOf(bench.cluster, bench.upper, [], fileName(0));
  await timeOf(bench.cluster, bench.imageUpper, [], 'dev/null');
  for (let round = 1; round <= rounds; round++) {
    for (const { name, measure } of WAYS) {
      const taken = await measure(bench);
      readings.get(name)?.push(taken);
      const text = taken.map(({ seconds }) => seconds.toFixed(2)).join(', ');
      context.say(`round ${round} of ${rounds}, ${name}: ${text} s`);
    }
  }
  return {
    text: table(readings, rounds, bench.squashfs.mountedBy),
    facts: {
      uplinkMbit: UPLINK_MBIT,
      files: FILES,
      fileBytes: FILE_BYTES,
      positions: POSITIONS.map(({ name }) => name),
      readings: Object.fromEntries(readings),
    },
  };
};

async function prepare(context: TrialContext): Promise<Bench> {
  const scratch = mkdtempSync(join(tmpdir(), 'tees-first-read-'));
  context.cleanup.push('the layers', () => rmSync(scratch, { recursive: true, force: true }));
  const [upper, imageUpper, image] = [join(scratch, 'upper'), join(scratch, 'boxed'), join(scratch, 'image')];
  mkdirSync(join(upper, 'opt/stream'), { recursive: true });
  mkdirSync(join(imageUpper, 'opt'), { recursive: true });
  const bytes = Buffer.alloc(FILE_BYTES);
  for (let index = 0; index < FILES; index++)
    writeFileSync(join(upper, fileName(index)), randomFillSync(bytes));
  const squashfs = await Squashfs.prepare((text) => context.say(text));
  const making = await squashfs.make(upper, image);
  linkSync(image, join(imageUpper, 'opt/image'));
  context.say(`the image took ${making.toFixed(1)} s to make, which does not count below`);
  context.say(`${GROUPS} groups of ${GROUP_SIZE} nodes, uplinks of ${UPLINK_MBIT} Mbit/s`);
  const cluster = await startCluster({ groups: GROUPS, groupSize: GROUP_SIZE, uplink: `${UPLINK_MBIT}mbit` });
  context.cleanup.push('the cluster', () => cluster.down());
  return { cluster, squashfs, upper, imageUpper, image };
}

/** Files of one size travel in the order of their names. */
function fileName(index: number): string {
  return `opt/stream/${String(index).padStart(3, '0')}`;
}

async function timeOf(
  cluster: EmbeddedCluster,
  upper: string,
  options: readonly string[],
  file: string,
): Promise<Reading> {
  const all = ['--nodes', `cn[0-${cluster.nodes.length - 1}]`, '--upper', upper, '--no-learn', ...options];
  // What cat is given as an argument would be urgent; behind a shell's redirection it is not.
  const { timeline, blocked } = await runJob(cluster, all, ['sh', '-c', `cat < /${file} > /dev/null`]);
  if (timeline.exited === undefined) throw new Error('the command did not end on every node');
  const [longest] = blocked;
  return { seconds: timeline.exited, ...(longest ? { blocked: longest.seconds } : {}) };
}

async function readEach({ cluster, upper }: Bench, options: readonly string[]): Promise<Readings> {
  const taken: Reading[] = [];
  for (const { index } of POSITIONS) taken.push(await timeOf(cluster, upper, options, fileName(index)));
  return taken;
}

/** Everything is urgent: the command starts when the whole layer is there, whatever it reads. */
async function readAfterWholeCopy({ cluster, upper }: Bench): Promise<Readings> {
  const taken = await timeOf(cluster, upper, ['--urgent', '/opt/stream'], fileName(FILES - 1));
  return POSITIONS.map(() => ({ seconds: taken.seconds }));
}

/** The same tree sends the image; it is mounted on one node, from the same bytes. */
async function readFromImage({ cluster, squashfs, imageUpper, image }: Bench): Promise<Readings> {
  const sent = await timeOf(cluster, imageUpper, ['--urgent', '/opt/image'], 'dev/null');
  const taken: Reading[] = [];
  for (const { index } of POSITIONS) {
    const reading = await squashfs.mountAndRead(cluster, cluster.nodes[1] as string, image, fileName(index));
    taken.push({ seconds: sent.seconds + reading });
  }
  return taken;
}

function table(
  readings: ReadonlyMap<string, readonly Readings[]>,
  rounds: number,
  mountedBy: string,
): string {
  const medians = (name: string, of: (reading: Reading) => number | undefined): number[] =>
    POSITIONS.map((_, at) =>
      median((readings.get(name) ?? []).map((round) => of(round[at] as Reading) ?? NaN)),
    );
  const rows = (of: (reading: Reading) => number | undefined): string[] => {
    const best = medians((WAYS[0] as Way).name, of).at(-1) ?? NaN;
    return WAYS.map(({ name }) => ({ name, row: medians(name, of) }))
      .filter(({ row }) => row.every((value) => !Number.isNaN(value)))
      .map(({ name, row }) => {
        const ratios = [(row.at(-1) ?? NaN) / (row[0] ?? NaN), (row.at(-1) ?? NaN) / best];
        return name.padEnd(34) + [...row, ...ratios].map((value) => value.toFixed(2).padStart(9)).join('');
      });
  };
  const heads = [...POSITIONS.map(({ name }) => name), 'last/1st', 'x tees'];
  const head = (text: string): string => text.padEnd(34) + heads.map((name) => name.padStart(9)).join('');
  const bound = (bytes: number): string => (bytes / UPLINK_BYTES_PER_SECOND).toFixed(2);
  return [
    `Time to first read in a stream of ${(FILES * FILE_BYTES) >> 20} MiB, in seconds: slowest of ${GROUPS * GROUP_SIZE} nodes behind`,
    `${GROUPS} uplinks of ${UPLINK_MBIT} Mbit/s, medians of ${rounds}`,
    '',
    head('from submission'),
    ...rows(({ seconds }) => seconds),
    '',
    head('of that, blocked'),
    ...rows(({ blocked }) => blocked),
    '',
    `Bounds by the uplink: ${bound(FILE_BYTES)} s for one file, ${bound(FILES * FILE_BYTES)} s for all.`,
    `The image is mounted by ${mountedBy}; making it does not count. Contents do not compress.`,
  ].join('\n');
}
