/** One cluster with TEES and Slurm on it, and one measurement of either, with what it cost. */
import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TeesError } from '../../src/base/errors.js';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import type { MethodName } from '../../src/planning/method.js';
import { foldHostlist } from '../../src/topology/hostlist.js';
import { runJob, runTees } from '../run-job.js';
import type { ClusterShape, TrialContext } from '../trial.js';
import { mountDisk } from './disk.js';
import { readProcessorUse } from './processors.js';
import { Slurm } from './slurm.js';
import { STORAGE_LINK } from './ways.js';
import type { Measured, Payload, WayName } from './ways.js';

const PIECE_BYTES = 16 << 20;
/** Sparse. */
const DISK_BYTES = 2 ** 40;

/** Where a measurement takes place. */
export interface Place {
  readonly nodes: readonly string[];
  /** Slurm's, of an allocation of the same nodes. */
  readonly job: string;
  readonly bytes: number;
  readonly by: Payload['by'];
  readonly deadlineMs: number;
}

interface Timed {
  readonly seconds: number;
  readonly submission: number;
}

export class Rig {
  readonly #file: string;

  private constructor(
    readonly cluster: EmbeddedCluster,
    readonly slurm: Slurm,
    private readonly upper: string,
    private readonly supervisorPid: number,
  ) {
    this.#file = join(upper, 'opt/payload');
  }

  static async prepare(context: TrialContext, shape: ClusterShape): Promise<Rig> {
    const upper = mkdtempSync(join(tmpdir(), 'tees-deploy-'));
    context.cleanup.push('the layer', () => rmSync(upper, { recursive: true, force: true }));
    mkdirSync(join(upper, 'opt'));
    context.say(`${shape.groups} groups of ${shape.groupSize} nodes, uplinks of ${shape.uplink}`);
    const disk = shape.disk ? await mountDisk(DISK_BYTES, context.cleanup) : undefined;
    const onDisk = disk === undefined ? {} : { stateDirectory: join(disk, 'cluster'), storesOnDisk: true };
    const cluster = await startCluster({ ...shape, ...onDisk, storage: STORAGE_LINK, slurm: true });
    context.cleanup.push('the cluster', () => cluster.down());
    const slurm = await Slurm.prepare(cluster, disk, context.cleanup);
    context.say(`Slurm ${slurm.version} on the same nodes`);
    const { supervisorPid } = await cluster.status();
    return new Rig(cluster, slurm, upper, supervisorPid);
  }

  /** With a payload that nobody has seen before: no method may profit from the one before it. */
  async measure(way: WayName, place: Place): Promise<Measured> {
    writeRandom(this.#file, place.bytes);
    if (way !== 'sbcast' && place.by === 'run') return this.#counted(() => this.#run(way, place));
    const transfer = (): Promise<Timed> => (way === 'sbcast' ? this.#sbcast(place) : this.#bcast(way, place));
    try {
      const measured = await this.#counted(transfer);
      await this.#check(place);
      return measured;
    } finally {
      await this.slurm.forget(place.job);
    }
  }

  async #counted(transfer: () => Promise<Timed>): Promise<Measured> {
    const [bytes, use] = [await this.#uplinkBytes(), readProcessorUse(this.supervisorPid)];
    const timed = await transfer();
    const [bytesAfter, useAfter] = [await this.#uplinkBytes(), readProcessorUse(this.supervisorPid)];
    return {
      ...timed,
      inBytes: bytesAfter.in - bytes.in,
      outBytes: bytesAfter.out - bytes.out,
      processorSeconds: useAfter.clusterSeconds - use.clusterSeconds,
      busy: (useAfter.machineBusy - use.machineBusy) / (useAfter.machineAll - use.machineAll),
    };
  }

  async #run(method: MethodName, { nodes, deadlineMs }: Place): Promise<Timed> {
    const list = ['--nodes', foldHostlist(nodes), '--upper', this.upper];
    const options = [...list, '--method', method, '--complete', '--no-learn'];
    const report = await runJob(this.cluster, options, ['true'], { deadlineMs });
    const { planned, hystereticDelivered } = report.timeline;
    if (planned === undefined || hystereticDelivered === undefined || report.lost.length > 0)
      throw new TeesError('TRIAL_FAILED', `not every node has everything: ${JSON.stringify(report.errors)}`);
    return { seconds: hystereticDelivered - planned, submission: hystereticDelivered };
  }

  /** Until it is in its place on every node, as sbcast. */
  async #bcast(method: MethodName, { nodes, deadlineMs }: Place): Promise<Timed> {
    const options = ['--nodes', foldHostlist(nodes), '--method', method, '--no-sync'];
    const words = ['bcast', this.#file, this.slurm.target, ...options];
    const report = await runTees(this.cluster, words, { deadlineMs });
    const { planned, exited } = report.timeline;
    if (planned === undefined || exited === undefined || report.placement?.nodes.length !== nodes.length)
      throw new TeesError('TRIAL_FAILED', `not every node has it: ${JSON.stringify(report.errors)}`);
    return { seconds: exited - planned, submission: exited };
  }

  /** It has nothing to plan: both times are the same. */
  async #sbcast({ job, deadlineMs }: Place): Promise<Timed> {
    const seconds = await this.slurm.broadcast(job, this.#file, deadlineMs);
    return { seconds, submission: seconds };
  }

  /** The node that comes last is believed only after a look. */
  async #check({ nodes }: Place): Promise<void> {
    const last = nodes.at(-1) as string;
    if (!(await this.slurm.hasReceived(last, this.#file)))
      throw new TeesError('TRIAL_FAILED', 'what was sent is not what arrived', { node: last });
  }

  async #uplinkBytes(): Promise<{ in: number; out: number }> {
    const counters = await this.cluster.uplinkCounters();
    return {
      in: counters.reduce((sum, { inBytes }) => sum + inBytes, 0),
      out: counters.reduce((sum, { outBytes }) => sum + outBytes, 0),
    };
  }
}

function writeRandom(path: string, bytes: number): void {
  const fd = openSync(path, 'w');
  const piece = Buffer.alloc(Math.min(bytes, PIECE_BYTES));
  for (let left = bytes; left > 0; left -= piece.length)
    writeSync(fd, randomFillSync(piece), 0, Math.min(left, piece.length));
  // Otherwise it would be written to the disk while the measurement runs.
  fsyncSync(fd);
  closeSync(fd);
}
