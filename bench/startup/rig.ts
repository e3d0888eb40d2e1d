/** One cluster with Slurm, a user's environment and the same layer in other shapes; and one start of an application on it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../../src/base/errors.js';
import { enterPath } from '../../src/base/native.js';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { StateDirectory } from '../../src/emulator/state-directory.js';
import { prepareDebianLayer } from '../layers/debian.js';
import { layerDirectories } from '../layers/places.js';
import { run } from '../layers/program.js';
import { Squashfs } from '../squashfs.js';
import type { ClusterShape, TrialContext } from '../trial.js';
import { preparePayload } from './payloads.js';
import type { Payload } from './payloads.js';
import type { Place, Way } from './ways.js';

/** Debian's; a plain user whom all nodes know. */
const NOBODY = 65534;
const STORAGE_LINK = '1gbit';
const DEADLINE_MS = 900_000;
const SETTLE_DEADLINE_MS = 60_000;
const POLL_MS = 100;

export interface Started {
  /** From submission to the first instruction on the last node, in seconds; and between the first node and the last. */
  readonly first: number;
  readonly spread: number;
  /** To the end of what the application does, on the last node. */
  readonly done: number;
  /** Over all uplinks, into the groups and out of them. */
  readonly uplinkBytes: number;
}

export class Rig {
  private constructor(
    readonly cluster: EmbeddedCluster,
    private readonly place: Place,
    private readonly socket: string,
    readonly versions: Readonly<Record<string, string>>,
  ) {}

  static async prepare(context: TrialContext, shape: ClusterShape, payload: Payload): Promise<Rig> {
    const nodes = shape.groups * shape.groupSize;
    const { scratch, layer, root } = await preparePayload(context, payload);
    const squashfs = await Squashfs.prepare((text) => context.say(text));
    const [image, archive, local] = ['image', 'archive', 'local'].map((name) => join(scratch, name)) as [
      string,
      string,
      string,
    ];
    const making = await squashfs.make(root, image);
    context.say(`the image took ${making.toFixed(1)} s to make, which does not count`);
    await run('tar', ['--create', '--gzip', '--file', archive, '--directory', layer, '.']);
    const runtime = await prepareDebianLayer({
      packages: ['charliecloud-runtime'],
      ...layerDirectories('tools-ch-run'),
      onProgress: (text) => context.say(`ch-run: ${text}`),
    });
    const { groups, groupSize, uplink } = shape;
    context.say(
      `${groups} groups of ${groupSize} nodes, uplinks of ${uplink}; Slurm, storage by ${STORAGE_LINK}`,
    );
    const cluster = await startCluster({
      ...{ groups, groupSize, uplink, storage: STORAGE_LINK },
      ...{ environments: true, slurm: true },
    });
    context.cleanup.push('the cluster', () => cluster.down());
    const state = new StateDirectory(cluster.stateDirectory);
    const shared = join(state.sharedMount, 'layer');
    await onNode(cluster, cluster.login, `cp -dR --preserve=mode,links ${layer} ${shared}`);
    const mounting = `mkdir -p ${local} && mount -t tmpfs tees-startup ${local}`;
    await Promise.all(cluster.nodes.map((node) => onNode(cluster, node, mounting)));
    const place: Place = {
      ...{ present: layer, shared, image, archive, local, nodes, program: payload.program },
      asUser: `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups`,
      chRun: chRunOf(runtime.directory),
      mount: (from, to) =>
        `${squashfs.mount(from, to)}${squashfs.mountedBy === 'squashfuse' ? ' -o allow_other' : ''}`,
    };
    const socket = join(state.node(cluster.login).runtime, 'environments.sock');
    await importLayer(layer, socket);
    const slurm = (await onNode(cluster, cluster.login, 'srun --version')).trim();
    const versions = { slurm, chRun: runtime.packages.find((text) => text.startsWith('charliecloud')) ?? '' };
    return new Rig(cluster, place, socket, { ...versions, image: squashfs.mountedBy });
  }

  async measure(way: Way): Promise<Started> {
    await this.#settle();
    const before = await this.#uplinkBytes();
    const script = `date +%s%N; ${way.script(this.place)}`;
    const argv = way.inside
      ? [...this.place.asUser.split(' '), enterPath(), '--socket', this.socket, '--', 'sh', '-c', script]
      : ['sh', '-c', script];
    const within = ['timeout', '--kill-after=5', String(DEADLINE_MS / 1000), ...argv];
    const { stdout, stderr } = await this.cluster.exec(this.cluster.login, within, { cwd: '/' });
    const uplinkBytes = (await this.#uplinkBytes()) - before;
    const [submitted = '', ...lines] = stdout.trim().split('\n');
    const times = (what: string): number[] =>
      lines
        .map((line) => line.split(' '))
        .filter(([, word]) => word === what)
        .map(([, , ns]) => (Number(ns) - Number(submitted)) / 1e9);
    const [first, done] = [times('first'), times('done')];
    const { nodes } = this.place;
    if (first.length !== nodes || done.length !== nodes)
      throw new TeesError(
        'TRIAL_FAILED',
        `${way.title}: ${done.length} of ${nodes} nodes: ${stderr.slice(-500)}`,
      );
    return {
      first: Math.max(...first),
      spread: Math.max(...first) - Math.min(...first),
      done: Math.max(...done),
      uplinkBytes,
    };
  }

  /** Nothing of the one before is left, and nothing runs. */
  async #settle(): Promise<void> {
    const { cluster, place } = this;
    const forget = `rm -rf ${place.local}/*`;
    for (const end = Date.now() + SETTLE_DEADLINE_MS; ; await sleep(POLL_MS)) {
      const queue = await onNode(
        cluster,
        cluster.login,
        'squeue --noheader; sinfo --noheader --Node --states=alloc,comp,mix,drain',
      );
      if (queue.trim() === '') break;
      if (Date.now() > end) throw new TeesError('TRIAL_FAILED', `Slurm is not idle: ${queue}`);
    }
    await Promise.all(cluster.nodes.map((node) => onNode(cluster, node, forget)));
  }

  async #uplinkBytes(): Promise<number> {
    const counters = await this.cluster.uplinkCounters();
    return counters.reduce((sum, { inBytes, outBytes }) => sum + inBytes + outBytes, 0);
  }
}

async function onNode(cluster: EmbeddedCluster, node: string, script: string): Promise<string> {
  const { status, stdout, stderr } = await cluster.exec(node, ['sh', '-c', script]);
  if (status === 0) return stdout;
  throw new TeesError('TRIAL_FAILED', `${script}: ${stderr.trim()}`, { node });
}

/** What has been installed in it, as root inside. */
async function importLayer(layer: string, socket: string): Promise<void> {
  const tar = spawn('tar', ['--create', '--owner=0', '--group=0', '--directory', layer, '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const words = ['--socket', socket, '--import', 'default'];
  const child = spawn(enterPath(), words, {
    uid: NOBODY,
    gid: NOBODY,
    stdio: [tar.stdout, 'inherit', 'inherit'],
  });
  tar.stdout.destroy();
  const ends = [tar, child].map((one) => once(one, 'exit') as Promise<[number | null]>);
  const statuses = (await Promise.all(ends)).map(([status]) => status);
  if (statuses.some((status) => status !== 0))
    throw new TeesError('TRIAL_FAILED', 'the layer could not be brought into an environment');
}

function chRunOf(directory: string): string {
  const libraries = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu'].map((place) =>
    join(directory, place),
  );
  const found = libraries.filter((place) => existsSync(place)).join(':');
  return `env USER=nobody LD_LIBRARY_PATH=${found} ${join(directory, 'usr/bin/ch-run')}`;
}
