/** Slurm of the embedded cluster, as far as the trial `deploy` uses it: an allocation, and sbcast. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TeesError } from '../../src/base/errors.js';
import type { CleanupStack } from '../../src/base/lifecycle.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { foldHostlist } from '../../src/topology/hostlist.js';

const ALLOCATION_DEADLINE_MS = 120_000;
const COMMAND_DEADLINE_MS = 60_000;
/** Of timeout(1). */
const STATUS_TIMED_OUT = 124;
const RECEIVED = 'payload';
/** On a node: a file system or a directory of its own for what it receives, as the store of TEES is. */
const IN_MEMORY = 'mount -t tmpfs tees-bench "$1"';
const ON_DISK = 'mkdir "$2" && mount --bind "$2" "$1"';

export class Slurm {
  private constructor(
    private readonly cluster: EmbeddedCluster,
    private readonly received: string,
    readonly version: string,
  ) {}

  /**
   * @param cluster one with Slurm
   * @param disk a directory for what the nodes receive, instead of memory
   * @throws TeesError SLURM_NOT_UP
   */
  static async prepare(
    cluster: EmbeddedCluster,
    disk: string | undefined,
    cleanup: CleanupStack,
  ): Promise<Slurm> {
    const received = mkdtempSync(join(tmpdir(), 'tees-received-'));
    cleanup.push('what nodes have received', () => rmSync(received, { recursive: true, force: true }));
    for (const node of cluster.nodes) {
      const [script, ...places] =
        disk === undefined ? [IN_MEMORY] : [ON_DISK, join(disk, `received.${node}`)];
      const { status, stderr } = await cluster.exec(node, ['sh', '-c', script, 'sh', received, ...places]);
      if (status !== 0) throw new TeesError('SLURM_NOT_UP', `${node}: ${stderr.trim()}`, { node });
    }
    const { stdout } = await cluster.exec(cluster.login, ['sbcast', '--version']);
    return new Slurm(cluster, received, stdout.trim().replace(/^slurm\S* /, ''));
  }

  /** Waits until the nodes are there. @returns the job's id */
  async allocate(nodes: readonly string[]): Promise<string> {
    const list = foldHostlist(nodes);
    const args = ['--no-shell', '-N', String(nodes.length), '-w', list];
    const said = await this.#command('salloc', args, ALLOCATION_DEADLINE_MS);
    const job = /Granted job allocation (\d+)/.exec(said)?.[1];
    if (job === undefined) throw new TeesError('SLURM_NOT_UP', `salloc: ${said.trim()}`);
    return job;
  }

  async release(job: string): Promise<void> {
    await this.#command('scancel', [job], COMMAND_DEADLINE_MS);
  }

  /** Where a node gets what is broadcast: on each node its own. */
  get target(): string {
    return join(this.received, RECEIVED);
  }

  /**
   * From this file to one on every node of the job, by whatever sbcast does by default.
   * @returns seconds
   * @throws TeesError SBCAST_FAILED, also when it takes longer than it may
   */
  async broadcast(job: string, file: string, deadlineMs: number): Promise<number> {
    const within = ['timeout', '--kill-after=5', String(deadlineMs / 1000)];
    const sbcast = ['sbcast', '--force', `--jobid=${job}`, file, this.target];
    // Timed where it runs: entering the login node's namespaces is not sbcast's.
    const script = 'began=$(date +%s%N); "$@" || exit; echo $(($(date +%s%N) - began))';
    const argv = ['sh', '-c', script, 'sh', ...within, ...sbcast];
    const { status, stdout, stderr } = await this.cluster.exec(this.cluster.login, argv);
    if (status === 0) return Number(stdout) / 1e9;
    const what = status === STATUS_TIMED_OUT ? `not done after ${deadlineMs / 1000} s` : stderr.trim();
    throw new TeesError('SBCAST_FAILED', `sbcast: ${what}`);
  }

  /** Whether a node has what was broadcast. */
  async hasReceived(node: string, file: string): Promise<boolean> {
    const { status } = await this.cluster.exec(node, ['cmp', file, this.target]);
    return status === 0;
  }

  /** Gives the nodes' memory back: a file of one byte takes the place of what they have received. */
  async forget(job: string): Promise<void> {
    const file = `${this.received}.byte`;
    writeFileSync(file, '.');
    await this.broadcast(job, file, COMMAND_DEADLINE_MS);
    rmSync(file);
  }

  async #command(name: 'salloc' | 'scancel', args: readonly string[], deadlineMs: number): Promise<string> {
    const argv = ['timeout', '--kill-after=5', String(deadlineMs / 1000), name, ...args];
    const { status, stdout, stderr } = await this.cluster.exec(this.cluster.login, argv);
    if (status === 0) return stdout + stderr;
    const what = status === STATUS_TIMED_OUT ? `not done after ${deadlineMs / 1000} s` : stderr.trim();
    throw new TeesError('SLURM_NOT_UP', `${name}: ${what}`);
  }
}
