/**
 * A real Slurm on the nodes of an embedded cluster, as Debian packages it: one munged for all, as they share this kernel,
 * slurmctld on the login node, a slurmd on each compute node. All of it runs in the cluster's pid namespace and ends with it.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TeesError } from '../base/errors.js';
import { availableParallelism } from 'node:os';
import { mapBounded } from '../base/bounded.js';
import type { ClusterPlan, Host } from './plan.js';
import { plugstack, slurmConfiguration, slurmFiles, slurmTopology } from './slurm-configuration.js';
import type { SlurmFiles } from './slurm-configuration.js';
import type { StateDirectory } from './state-directory.js';
import { TOOL_PATH, initPath } from './tools.js';

const START_DEADLINE_MS = 120_000;
const COMMAND_DEADLINE_MS = 30_000;
const POLL_MS = 100;
const LOG_LINES_SHOWN = 8;
/** The host's network, for what the login node has to do outside (native/init/init.h). */
const HOST_NETWORK_FD = 6;
/** In each node's own mount namespace; the directory for sockets is there wherever munge runs as a service. */
const MOUNT_SCRIPT =
  'mkdir -p /run/munge && mount --bind "$1" /etc/slurm && mount --bind "$2" /run/munge || exit; shift 2; exec "$@"';

/** Before a command, in the mount namespace of a node. */
export function slurmMountCommand(state: StateDirectory): string[] {
  const { configuration, munge } = slurmFiles(state);
  return ['sh', '-c', MOUNT_SCRIPT, 'slurm', configuration, munge];
}

export class Slurm {
  readonly #files: SlurmFiles;
  readonly #daemons: ChildProcess[] = [];

  /** @param pidOf a process in the node's namespaces */
  constructor(
    private readonly plan: ClusterPlan,
    private readonly state: StateDirectory,
    private readonly pidOf: (node: string) => number,
  ) {
    this.#files = slurmFiles(state);
  }

  /** Before any node mounts it. */
  configure(): void {
    const { directory, configuration, munge, spool, temporary, state, key, logs } = this.#files;
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
  }

  /** Resolves when every node is there for jobs. @throws TeesError SLURM_NOT_UP */
  async start(onProgress: (done: number, total: number) => void): Promise<void> {
    const { login } = this.plan;
    this.#openWayOut(login);
    await this.#startMunge(login);
    this.#daemon(login, 'slurmctld', ['slurmctld', '-D']);
    const nodes = this.#nodes;
    await mapBounded(nodes, availableParallelism() + 1, (node) => {
      this.#daemon(node, `slurmd.${node.name}`, ['slurmd', '-D']);
      return Promise.resolve();
    });
    for (const end = Date.now() + START_DEADLINE_MS; ; await sleep(POLL_MS)) {
      const idle = await this.#idle();
      onProgress(idle.size, nodes.length);
      const missing = nodes.find(({ name }) => !idle.has(name));
      if (!missing) return;
      if (Date.now() > end)
        throw this.#failure(`slurmd of ${missing.name} is not there`, `slurmd.${missing.name}`);
    }
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
    this.#spawn('slirp4netns', argv);
  }

  async #startMunge(login: Host): Promise<void> {
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
    const argv = [
      'munged',
      '--foreground',
      '--force',
      ...Object.entries(files).map(([k, v]) => `--${k}=${v}`),
    ];
    this.#daemon(login, 'munged', argv);
    for (const end = Date.now() + START_DEADLINE_MS; !existsSync(socket); await sleep(POLL_MS))
      if (Date.now() > end) throw this.#failure('munged does not start', 'munged');
  }

  #daemon({ name }: Host, log: string, argv: readonly string[]): void {
    this.#spawn(`${log}.out`, ['enter', String(this.pidOf(name)), '--', ...argv]);
  }

  /** Where it ends before the cluster, jobs show it. */
  #spawn(log: string, argv: readonly string[]): void {
    const fd = openSync(join(this.#files.logs, log), 'w', 0o644);
    const stdio = ['ignore', fd, fd, 'ignore', 'ignore', 'ignore', HOST_NETWORK_FD] as const;
    const child = spawn(initPath(), argv, {
      cwd: '/',
      stdio: [...stdio],
      env: { ...process.env, PATH: TOOL_PATH },
    });
    child.on('error', () => {});
    closeSync(fd);
    this.#daemons.push(child);
  }

  async #idle(): Promise<Set<string>> {
    const query = ['sinfo', '--noheader', '--Node', '--states=idle', '--format=%N'];
    const argv = ['enter', String(this.pidOf(this.plan.login.name)), '--', ...query];
    const options = { timeout: COMMAND_DEADLINE_MS, env: { ...process.env, PATH: TOOL_PATH } };
    try {
      const { stdout } = await promisify(execFile)(initPath(), argv, options);
      return new Set(stdout.split(/\s+/).filter((name) => name !== ''));
    } catch {
      return new Set();
    }
  }

  #failure(what: string, log: string): TeesError {
    const tell = (name: string): string[] => {
      const path = join(this.#files.logs, name);
      return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').slice(-LOG_LINES_SHOWN) : [];
    };
    const shown = [...tell(`${log}.log`), ...tell(`${log}.out`)].join('\n  | ');
    return new TeesError('SLURM_NOT_UP', `${what}\n  | ${shown}`, { path: this.#files.logs });
  }

  signalAll(signal: NodeJS.Signals): void {
    for (const child of this.#daemons) child.kill(signal);
  }
}
