/**
 * The cluster from inside: makes the network, starts the daemons, watches them, answers the control socket. It runs
 * in the cluster's own pid, mount and network namespaces; when it ends, PID 1 ends, and with it everything.
 */
import { randomBytes } from 'node:crypto';
import { readlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import type { Clock } from '../base/clock.js';
import { TeesError, usageError } from '../base/errors.js';
import { DAEMON_MEMORY_MAX_BYTES, DAEMON_STOP_DEADLINE_MS } from '../base/limits.js';
import { suggestion } from '../topology/nearest.js';
import { mapBounded } from '../base/bounded.js';
import { configurationText } from './configuration.js';
import type { ControlHandlers } from './control.js';
import { serveControl } from './control.js';
import { readMemory } from './memory.js';
import { makeNetwork, readCounters } from './network.js';
import { networkScript } from './network-script.js';
import { NodeDaemon } from './node-daemon.js';
import type { ClusterSpecification, Progress } from './options.js';
import type { ClusterPlan } from './plan.js';
import { planCluster } from './plan.js';
import { Slurm } from './slurm.js';
import { StateDirectory } from './state-directory.js';
import { StorageNode } from './storage-node.js';
import type { ClusterPhase, ClusterStatus, NodeStatus } from './status.js';

const KEY_SIZE_BYTES = 32;

export class Supervisor {
  readonly #state: StateDirectory;
  readonly #plan: ClusterPlan;
  readonly #daemons: ReadonlyMap<string, NodeDaemon>;
  readonly #startedMs: number;
  readonly #storage: StorageNode | undefined;
  readonly #slurm: Slurm | undefined;
  #phase: ClusterPhase = 'starting';

  /** @param stop ends this process in the end; the daemons have been stopped by `stopNodes` before */
  constructor(
    private readonly specification: ClusterSpecification,
    private readonly clock: Clock,
    private readonly stop: () => void,
  ) {
    this.#state = new StateDirectory(specification.stateDirectory);
    const { groups, groupSize, storage } = specification;
    this.#plan = planCluster(groups, groupSize, storage !== undefined);
    this.#storage = this.#plan.storage && new StorageNode(this.#plan.storage, this.#state, specification);
    const daemons = this.#plan.nodes.map(
      (node) => new NodeDaemon(node, this.#state, specification, clock, this.#storage),
    );
    this.#daemons = new Map(daemons.map((daemon) => [daemon.node.name, daemon]));
    if (specification.slurm)
      this.#slurm = new Slurm(this.#plan, this.#state, (node) => this.#livePid(this.#daemon(node)));
    this.#startedMs = clock.nowMs();
  }

  /** Resolves when every daemon serves. */
  async start(onProgress: (progress: Progress) => void): Promise<void> {
    this.#state.sweep('keep-logs'); // what a cluster has left whose every process was killed
    writeFileSync(this.#state.keyFile, randomBytes(KEY_SIZE_BYTES).toString('hex') + '\n', { mode: 0o600 });
    writeFileSync(this.#state.configFile, configurationText(this.specification, this.#plan), { mode: 0o644 });
    await serveControl(this.#state.controlSocket, this.#handlers());
    await makeNetwork(this.#state, this.#plan, networkScript(this.#plan, this.specification));
    const total = this.#daemons.size;
    onProgress({ step: 'network', done: total, total });
    await this.#storage?.start();
    await this.#slurm?.configure();
    let done = 0;
    await mapBounded([...this.#daemons.values()], availableParallelism() + 1, async (daemon) => {
      await daemon.start();
      onProgress({ step: 'nodes', done: ++done, total });
    });
    await this.#slurm?.start((nodes) => onProgress({ step: 'slurm', done: nodes, total: total - 1 }));
    if (this.#phase === 'starting') this.#phase = 'up';
  }

  async stopNodes(): Promise<void> {
    this.#phase = 'stopping';
    this.#slurm?.signalAll('SIGKILL');
    await Promise.all([...this.#daemons.values()].map((daemon) => daemon.stop(DAEMON_STOP_DEADLINE_MS)));
    this.#storage?.signal('SIGKILL');
  }

  #handlers(): ControlHandlers {
    return {
      status: () => this.#status(),
      counters: () => readCounters(this.#plan),
      identify: () => ({
        pidNamespace: readlinkSync('/proc/self/ns/pid'),
        nodes: [...this.#daemons.keys()],
      }),
      locate: ({ node }) => ({ pid: this.#livePid(this.#daemon(node)) }),
      signal: ({ node, signal }) => {
        if (!Object.hasOwn(constants.signals, signal)) {
          throw usageError('CLUSTER_SIGNAL_UNKNOWN', `no such signal: ${signal}`);
        }
        if (node === this.#plan.storage?.name) return (this.#storage?.signal(signal), null);
        const daemon = this.#daemon(node);
        this.#livePid(daemon);
        daemon.signal(signal);
        return null;
      },
      down: () => {
        setImmediate(this.stop);
        return null;
      },
    };
  }

  #daemon(name: string): NodeDaemon {
    const daemon = this.#daemons.get(name);
    if (daemon) return daemon;
    const names = [...this.#daemons.keys()];
    throw usageError('NODE_UNKNOWN', `the embedded cluster has no node ${name}`, {
      node: name,
      hint: suggestion(name, names) ?? `It has: ${names.slice(0, 3).join(', ')}, …`,
    });
  }

  #livePid({ node, pid, state }: NodeDaemon): number {
    if (pid !== undefined && state === 'up') return pid;
    if (state !== 'down') {
      throw new TeesError('CLUSTER_NODE_STARTING', `${node.name} is not up yet`, {
        node: node.name,
        hint: 'Wait until tees cluster status says that it is up.',
      });
    }
    throw new TeesError('CLUSTER_NODE_DOWN', `the daemon of ${node.name} has ended, and its node with it`, {
      node: node.name,
      path: this.#state.node(node.name).log,
      hint: 'tees cluster status shows how it ended.',
    });
  }

  async #status(): Promise<ClusterStatus> {
    return {
      schema: 1,
      stateDirectory: this.#state.path,
      phase: this.#phase,
      supervisorPid: process.pid,
      uptimeSeconds: (this.clock.nowMs() - this.#startedMs) / 1000,
      memoryMaxBytes: DAEMON_MEMORY_MAX_BYTES,
      nodes: await Promise.all([...this.#daemons.values()].map(nodeStatus)),
      ...(this.#slurm ? { slurm: this.#slurm.status() } : {}),
      ...readCounters(this.#plan),
    };
  }
}

async function nodeStatus({ node, state, pid, exit, restarts }: NodeDaemon): Promise<NodeStatus> {
  const memory = pid === undefined ? undefined : await readMemory(pid);
  return {
    name: node.name,
    role: node.role,
    ...(node.group === undefined ? {} : { group: node.group }),
    address: node.address,
    state,
    restarts,
    ...(pid === undefined ? {} : { pid }),
    ...(memory ? { ...memory, overMemory: memory.rssBytes > DAEMON_MEMORY_MAX_BYTES } : {}),
    ...(exit === undefined ? {} : { exit }),
  };
}
