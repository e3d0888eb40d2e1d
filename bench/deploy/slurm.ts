/**
 * A real Slurm on the nodes of an embedded cluster: one munged for all, as they share this kernel, slurmctld on the
 * login node, a slurmd on each node. All of it runs in the cluster's pid namespace, and ends with it at the latest.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../../src/base/errors.js';
import type { CleanupStack } from '../../src/base/lifecycle.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { foldHostlist } from '../../src/topology/hostlist.js';
import { slurmConfiguration, slurmFiles } from './slurm-configuration.js';
import type { SlurmFiles } from './slurm-configuration.js';
import type { SlurmTools } from './slurm-tools.js';

const START_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 5_000;
const POLL_MS = 50;
const COMMAND_DEADLINE_MS = 60_000;
const LOG_LINES_SHOWN = 5;
/** Of timeout(1). */
const STATUS_TIMED_OUT = 124;
const RECEIVED = 'payload';

export class Slurm {
  readonly #daemons: ChildProcess[] = [];
  readonly #files: SlurmFiles;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(
    private readonly cluster: EmbeddedCluster,
    private readonly tools: SlurmTools,
    directory: string,
    private readonly disk: string | undefined,
  ) {
    this.#files = slurmFiles(directory);
    this.#env = { ...process.env, ...tools.env, SLURM_CONF: this.#files.configuration };
  }

  /**
   * @param disk a directory for what the nodes receive, instead of memory
   * @throws TeesError SLURM_NOT_UP
   */
  static async start(
    cluster: EmbeddedCluster,
    tools: SlurmTools,
    disk: string | undefined,
    cleanup: CleanupStack,
  ): Promise<Slurm> {
    const directory = mkdtempSync(join(tmpdir(), 'tees-slurm-'));
    cleanup.push("Slurm's files", () => rmSync(directory, { recursive: true, force: true }));
    const slurm = new Slurm(cluster, tools, directory, disk);
    cleanup.push('Slurm', () => slurm.#stop());
    await slurm.#configure();
    await slurm.#startDaemons();
    return slurm;
  }

  /** Waits until the nodes are there. @returns the job's id */
  async allocate(nodes: readonly string[]): Promise<string> {
    const list = foldHostlist(nodes);
    const args = ['--no-shell', '-N', String(nodes.length), '-w', list];
    const said = await this.#command('salloc', args, START_DEADLINE_MS);
    const job = /Granted job allocation (\d+)/.exec(said)?.[1];
    if (job === undefined) throw this.#failure(`salloc: ${said.trim()}`);
    return job;
  }

  async release(job: string): Promise<void> {
    await this.#command('scancel', [job], COMMAND_DEADLINE_MS);
  }

  /** Where a node gets what is broadcast: on each node its own. */
  get target(): string {
    return join(this.#files.received, RECEIVED);
  }

  /**
   * From this file to one on every node of the job, by whatever sbcast does by default.
   * @returns seconds
   * @throws TeesError SBCAST_FAILED, also when it takes longer than it may
   */
  async broadcast(job: string, file: string, deadlineMs: number): Promise<number> {
    const sbcast = [this.tools.programs.sbcast, '--force', `--jobid=${job}`, file, this.target];
    const within = ['timeout', '--kill-after=5', String(deadlineMs / 1000), ...sbcast];
    // Timed where it runs: entering the login node's namespaces is not sbcast's.
    const script = 'began=$(date +%s%N); "$@" || exit; echo $(($(date +%s%N) - began))';
    const argv = ['sh', '-c', script, 'sh', ...within];
    const { status, stdout, stderr } = await this.cluster.exec(this.cluster.login, argv, { env: this.#env });
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
    const file = join(this.#files.directory, 'byte');
    writeFileSync(file, '.');
    await this.broadcast(job, file, COMMAND_DEADLINE_MS);
  }

  async #configure(): Promise<void> {
    const { directory, configuration, received } = this.#files;
    const { nodes } = await this.cluster.status();
    const [login, ...compute] = nodes;
    if (!login) throw new Error('a cluster without a login node');
    const { pluginDirectory } = this.tools;
    writeFileSync(configuration, slurmConfiguration(this.#files, pluginDirectory, login, compute));
    writeFileSync(join(directory, 'munge.key'), randomBytes(128), { mode: 0o600 });
    for (const path of [received, join(directory, 'state')]) mkdirSync(path);
    for (const { name } of compute) mkdirSync(join(directory, `spool.${name}`));
  }

  async #startDaemons(): Promise<void> {
    const { directory, mungeSocket, received } = this.#files;
    const { munged, slurmctld, slurmd, slurmstepd } = this.tools.programs;
    const inside = (name: string): string => join(directory, name);
    const munge = [
      `--key-file=${inside('munge.key')}`,
      `--socket=${mungeSocket}`,
      `--log-file=${inside('munged.log')}`,
      `--pid-file=${inside('munged.pid')}`,
      `--seed-file=${inside('munged.seed')}`,
    ];
    // --force: the directory is for root alone, and so is all that asks for a credential.
    await this.#daemon(this.cluster.login, [munged, '--foreground', '--force', ...munge]);
    for (const end = Date.now() + START_DEADLINE_MS; !existsSync(mungeSocket); await sleep(POLL_MS))
      if (Date.now() > end) throw this.#failure('munged does not start', 'munged.log');
    await this.#daemon(this.cluster.login, [slurmctld, '-D']);
    const inMemory = 'mount -t tmpfs tees-bench "$1" && shift && exec "$@"';
    const onDisk = 'mkdir "$1" && mount --bind "$1" "$2" && shift 2 && exec "$@"';
    for (const node of this.cluster.nodes) {
      const command = [slurmd, '-D', '-N', node, '-d', slurmstepd];
      const mounting =
        this.disk === undefined ? [inMemory, 'sh'] : [onDisk, 'sh', join(this.disk, `received.${node}`)];
      await this.#daemon(node, ['sh', '-c', ...mounting, received, ...command]);
    }
  }

  async #daemon(node: string, argv: readonly string[]): Promise<void> {
    this.#daemons.push(await this.cluster.spawn(node, argv, { env: this.#env, stdio: 'ignore' }));
  }

  async #command(name: 'salloc' | 'scancel', args: readonly string[], deadlineMs: number): Promise<string> {
    const argv = ['timeout', '--kill-after=5', String(deadlineMs / 1000), this.tools.programs[name], ...args];
    const { status, stdout, stderr } = await this.cluster.exec(this.cluster.login, argv, { env: this.#env });
    if (status === STATUS_TIMED_OUT)
      throw this.#failure(`${name} has not ended after ${deadlineMs / 1000} s`);
    if (status !== 0) throw this.#failure(`${name}: ${stderr.trim()}`);
    return stdout + stderr;
  }

  #failure(what: string, log = 'slurmctld.log'): TeesError {
    const path = join(this.#files.directory, log);
    const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : ['(no log)'];
    const shown = lines.slice(-LOG_LINES_SHOWN).join('\n  | ');
    return new TeesError('SLURM_NOT_UP', `${what}\n  | ${shown}`);
  }

  async #stop(): Promise<void> {
    const running = this.#daemons.filter((child) => child.exitCode === null && child.signalCode === null);
    const ended = running.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of running) child.kill('SIGTERM');
    await Promise.race([Promise.all(ended), sleep(STOP_DEADLINE_MS)]);
    // `enter` takes its child with it.
    for (const child of running) child.kill('SIGKILL');
  }
}
