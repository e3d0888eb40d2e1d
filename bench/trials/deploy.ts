/**
 * How long a payload takes to every node, and what it costs the uplinks: by each method of TEES, and by Slurm's sbcast
 * on the same nodes, interleaved, against the lower bound. Each measurement is a process of its own, with new contents.
 */
import { readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { describeError, TeesError, usageError } from '../../src/base/errors.js';
import { parseRate } from '../../src/emulator/options.js';
import { Rig } from '../deploy/rig.js';
import type { Place } from '../deploy/rig.js';
import { lowerBound, table } from '../deploy/table.js';
import { PAYLOADS, SHAPE, WAYS } from '../deploy/ways.js';
import type { Payload, PayloadResults, Round, Way } from '../deploy/ways.js';
import type { ClusterShape, Trial, TrialContext } from '../trial.js';

/** All nodes hold the payload, in memory or on the disk, which belong to others too. */
const PART_TO_FILL = 0.6;
/** One to all, over an uplink that is one of many at the same time, and as slow again. */
const DEADLINE_BOUNDS = 60;
const DEADLINE_MIN_MS = 120_000;

interface Bench {
  readonly context: TrialContext;
  readonly rig: Rig;
  readonly shape: ClusterShape;
  /** Of an uplink, in bits per second. */
  readonly rate: number;
  /** Set when the cluster is being taken down: what fails from then on is no result. */
  ended: boolean;
}

export const trial: Trial = async (context) => {
  const shape = { ...SHAPE, ...context.shape };
  const rate = parseRate('uplink', shape.uplink);
  if (rate === undefined)
    throw usageError('TRIAL_UNBOUNDED', 'without a rate of the uplinks there is no lower bound');
  const rig = await Rig.prepare(context, shape);
  const bench: Bench = { context, rig, shape, rate, ended: false };
  context.cleanup.push('the measurements', () => void (bench.ended = true));
  await warmUp(bench);
  const results: PayloadResults[] = [];
  for (const payload of payloadsOf(context)) {
    const rounds = context.quick ? payload.rounds.quick : payload.rounds.full;
    if (rounds > 0) results.push(await measurePayload(bench, payload, rounds));
  }
  return {
    text: table(results, { uplinkBitsPerSecond: rate, processors: availableParallelism() }),
    facts: {
      shape,
      slurm: rig.slurm.version,
      machine: { processors: cpus().map(({ model }) => model), memoryBytes: totalmem() },
      results: results.map((one) => ({ ...one, bound: lowerBound(one.payload.megabytes, rate) })),
    },
  };
};

/** Those that were asked for, by their names; all, where none was. */
function waysOf({ only }: TrialContext): readonly Way[] {
  const asked = WAYS.filter(({ name }) => only.includes(name));
  return asked.length > 0 ? asked : WAYS;
}

/** 16MB asks for that payload alone. */
function payloadsOf({ only }: TrialContext): readonly Payload[] {
  const asked = PAYLOADS.filter(({ megabytes }) => only.includes(`${megabytes}MB`));
  return asked.length > 0 ? asked : PAYLOADS;
}

/** The first runs compile, connect and register; they do not count. */
async function warmUp({ context, rig }: Bench): Promise<void> {
  const { nodes } = rig.cluster;
  const job = await rig.slurm.allocate(nodes);
  context.say('warming up');
  for (const { name } of waysOf(context))
    await rig.measure(name, { nodes, job, bytes: 1e6, by: 'bcast', deadlineMs: DEADLINE_MIN_MS });
  await rig.slurm.release(job);
}

async function measurePayload(bench: Bench, payload: Payload, count: number): Promise<PayloadResults> {
  const { context, rig, shape, rate } = bench;
  const { megabytes } = payload;
  const groups = groupsThatFit(shape, megabytes * 1e6);
  const nodes = rig.cluster.nodes.slice(0, groups * shape.groupSize);
  if (groups < shape.groups) context.say(`${megabytes} MB to ${nodes.length} nodes only: more do not fit`);
  const job = await rig.slurm.allocate(nodes);
  const deadlineMs = DEADLINE_MIN_MS + Math.ceil(DEADLINE_BOUNDS * 1000 * lowerBound(megabytes, rate));
  const place: Place = { nodes, job, bytes: megabytes * 1e6, by: payload.by, deadlineMs };
  const rounds: Round[] = [];
  for (let at = 1; at <= count; at++)
    rounds.push(await measureRound(bench, place, `${megabytes} MB, round ${at} of ${count}`));
  await rig.slurm.release(job);
  const asked = waysOf(context).map(({ name }) => name);
  return { payload, groups, nodes: nodes.length, rounds, asked };
}

async function measureRound(bench: Bench, place: Place, which: string): Promise<Round> {
  const round: Round = {};
  for (const { name, title } of waysOf(bench.context)) {
    const told = (text: string): void => bench.context.say(`${which}, ${title}: ${text}`);
    try {
      const measured = await bench.rig.measure(name, place);
      round[name] = measured;
      told(`${measured.seconds.toFixed(2)} s`);
    } catch (error) {
      if (bench.ended) throw error;
      // One that fails is a result; the others need not be measured again for it.
      told(describeError(TeesError.from(error, 'TRIAL_FAILED')));
    }
  }
  return round;
}

function availableOnDisk(): number {
  const { bavail, bsize } = statfsSync(tmpdir());
  return bavail * bsize;
}

function availableMemory(): number {
  return 1024 * Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
}

function groupsThatFit({ groups, groupSize, disk = false }: ClusterShape, bytes: number): number {
  const available = disk ? availableOnDisk() : availableMemory();
  const fitting = Math.floor((available * PART_TO_FILL) / (groupSize * bytes));
  return Math.max(1, Math.min(groups, fitting));
}
