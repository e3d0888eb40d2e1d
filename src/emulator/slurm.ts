/**
 * A real Slurm on the nodes of an embedded cluster, as Debian packages it: one munged for all, as they share this kernel,
 * slurmctld on the login node, a slurmd on each compute node. All of it runs in the cluster's pid namespace and ends with it.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TeesError } from '../base/errors.js';
import { mapBounded } from '../base/bounded.js';
import type { ClusterPlan, Host } from './plan.js';
import { plugstack, slurmConfiguration, slurmFiles, slurmTopology } from './slurm-configuration.js';
import type { SlurmFiles } from './slurm-configuration.js';
import { HOST_NETWORK_FD, SlurmDaemon } from './slurm-daemon.js';
import type { StateDirectory } from './state-directory.js';
import type { SlurmStatus } from './status.js';
import { TOOL_PATH, initPath } from './tools.js';

const START_DEADLINE_MS = 120_000;
const COMMAND_DEADLINE_MS = 30_000;
const POLL_MS = 100;
/** In each node's own mount namespace. */
const MOUNT_SCRIPT =
  'mount --bind "$1" /etc/slurm && mount --bind "$2" /run/munge || exit; shift 2; exec "$@"';
/**
 * In the supervisor's mount namespace, which nodes copy. munge's directory is the host's only where munge is a service
 * or has been one since the host started; else /run is covered by one that has it, so that the host does not get it.
 */
const RUN_SCRIPT = `
[ ! -d /run/munge ] || exit 0
cd /run && mount -t tmpfs -o mode=755,size=1m tees-run /run || exit
for each in * .[!.]*; do # still in what is covered: -c keeps mount from looking for the names anew; /run/mount is mount's own
  if [ -L "$each" ]; then cp -P "$each" /run/
  elif [ -d "$each" ]; then mkdir -p "/run/$each" && mount -c --rbind "$each" "/run/$each"
  elif [ -e "$each" ]; then : >"/run/$each" && mount -c --bind "$each" "/run/$each"
  fi || exit
done
mkdir /run/munge`;

/** Before a command, in the mount namespace of a node. */
export function slurmMountCommand(state: StateDirectory): string[] {
  const { configuration, munge } = slurmFiles(state);
  return ['sh', '-c', MOUNT_SCRIPT, 'slurm', configuration, munge];
}

export class Slurm {
  readonly #files: SlurmFiles;
  readonly #daemons: SlurmDaemon[] = [];

  /** @param pidOf a process in the node's namespaces */
  constructor(
    private readonly plan: ClusterPlan,
    private readonly state: StateDirectory,
    private readonly pidOf: (node: string) => number,
  ) {
    this.#files = slurmFiles(state);
  }

  /** Before any node mounts it. @throws TeesError SLURM_NOT_UP */
  async configure(): Promise<void> {
    const { directory, configuration, munge, spool, temporary, state, key, logs } = this.#files;
    // Slurm appends, and those of the cluster that was here before may have been kept.
    rmSync(logs, { recursive: true, force: true });
    for (const path of [directory, configuration, munge, spool, temporary, state, logs])
      mkdirSync(path, { recursive: true, mode: 0o755 });
    for (const { name } of this.#nodes) {
      mkdirSync(join(spool, name), { recursive: true });
      mkdirSync(join(temporary, name), { recursive: true });
      // Everybody's, as /tmp is.
      chmodSync(join(temporary, name), 0o1777);
    }
    writeFileSync(key, randomBytes(128), { mode: 0o600 });
    writeFileSync(join(configuration, 'slurm.conf'), slurmConfiguration(this.#files, this.plan));
    writeFileSync(join(configuration, 'topology.conf'), slurmTopology(this.plan));
    writeFileSync(join(configuration, 'plugstack.conf'), plugstack(this.state));
    try {
      await promisify(execFile)('sh', ['-c', RUN_SCRIPT], { timeout: COMMAND_DEADLINE_MS });
    } catch (error) {
      const { stderr } = error as { stderr?: string };
      throw new TeesError('SLURM_NOT_UP', `nodes cannot have /run/munge: ${(stderr ?? '').trim()}`);
    }
  }

  /** Resolves when every node is there for jobs. @throws TeesError SLURM_NOT_UP */
  async start(onProgress: (done: number, total: number) => void): Promise<void> {
    const { login } = this.plan;
    const { directory } = this.#files;
    const endMs = Date.now() + START_DEADLINE_MS;
    this.#openWayOut(login);
    await this.#startMunge(login, endMs);
    const controller = this.#daemon(login, 'slurmctld', ['slurmctld', '-D']);
    await controller.until(endMs, () => existsSync(join(directory, 'slurmctld.pid')));
    const slurmds = new Map<string, SlurmDaemon>();
    await mapBounded(this.#nodes, availableParallelism() + 1, async (node) => {
      const slurmd = this.#daemon(node, `slurmd.${node.name}`, ['slurmd', '-D']);
      slurmds.set(node.name, slurmd);
      await slurmd.until(endMs, () => existsSync(join(directory, `slurmd.${node.name}.pid`)));
    });
    for (; ; await sleep(POLL_MS)) {
      const idle = await this.#idle();
      for (const daemon of this.#daemons) daemon.check();
      const missing = [...slurmds.keys()].find((name) => idle?.has(name) !== true);
      onProgress(idle?.size ?? 0, slurmds.size);
      if (missing === undefined) return;
      if (Date.now() <= endMs) continue;
      throw idle === undefined
        ? controller.failure('does not answer')
        : (slurmds.get(missing) ?? controller).failure('is not there for jobs');
    }
  }

  status(): SlurmStatus {
    const ended = this.#daemons.filter((daemon) => daemon.hasEnded).map((daemon) => daemon.title);
    return { daemons: this.#daemons.length, ended };
  }

  get #nodes(): readonly Host[] {
    return this.plan.groups.flatMap(({ proxy, slaves }) => [proxy, ...slaves]);
  }

  /** By user-mode networking: packages can be installed in environments, which have the login node's network here. */
  #openWayOut(login: Host): void {
    const namespace = this.state.namespace(login.name);
    const slirp = [
      'slirp4netns',
      '--configure',
      '--mtu=1500',
      '--disable-host-loopback',
      '--netns-type=path',
    ];
    const argv = ['net', `/proc/self/fd/${HOST_NETWORK_FD}`, '--', ...slirp, namespace, 'tap0'];
    const place = { log: 'slirp4netns', logs: this.#files.logs, node: login.name, hostNetwork: true };
    this.#daemons.push(new SlurmDaemon('slirp4netns', place, argv));
  }

  async #startMunge(login: Host, endMs: number): Promise<void> {
    const { munge, key, directory, logs } = this.#files;
    const socket = join(munge, 'munge.socket.2');
    const files = {
      'key-file': key,
      // As each node sees it.
      socket: '/run/munge/munge.socket.2',
      'log-file': join(logs, 'munged.log'),
      'pid-file': join(directory, 'munged.pid'),
      'seed-file': join(directory, 'munged.seed'),
    };
    // --force: directories of its files are root's.
    const argv: [string, ...string[]] = [
      'munged',
      '--foreground',
      '--force',
      ...Object.entries(files).map(([k, v]) => `--${k}=${v}`),
    ];
    await this.#daemon(login, 'munged', argv).until(endMs, () => existsSync(socket));
  }

  #daemon({ name: node }: Host, log: string, argv: readonly [string, ...string[]]): SlurmDaemon {
    const words = ['enter', String(this.pidOf(node)), '--', ...argv];
    const daemon = new SlurmDaemon(argv[0], { log, logs: this.#files.logs, node }, words);
    this.#daemons.push(daemon);
    return daemon;
  }

  /** Undefined: there is no answer. */
  async #idle(): Promise<Set<string> | undefined> {
    const query = ['sinfo', '--noheader', '--Node', '--states=idle', '--format=%N'];
    const argv = ['enter', String(this.pidOf(this.plan.login.name)), '--', ...query];
    const options = { timeout: COMMAND_DEADLINE_MS, env: { ...process.env, PATH: TOOL_PATH } };
    try {
      const { stdout } = await promisify(execFile)(initPath(), argv, options);
      return new Set(stdout.split(/\s+/).filter((name) => name !== ''));
    } catch {
      return undefined;
    }
  }

  signalAll(signal: NodeJS.Signals): void {
    for (const daemon of this.#daemons) daemon.kill(signal);
  }
}
