/** A node's daemon by itself, and a parent that knows the cluster key and says whatever a test wants it to say. */
import type { ExecutionContext } from 'ava';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { assert } from '../../src/base/errors.js';
import type { TeesError } from '../../src/base/errors.js';
import { DEFAULTS } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/parse.js';
import { chunkDigest } from '../../src/image/chunks.js';
import { encodeShipment } from '../../src/image/document.js';
import { cutDocument } from '../../src/image/pieces.js';
import type { Shipment } from '../../src/image/document.js';
import { dataSize } from '../../src/image/manifest.js';
import type { Manifest } from '../../src/image/manifest.js';
import { NodeDaemon } from '../../src/node/daemon.js';
import type { Link } from '../../src/transport/link.js';
import { Links } from '../../src/transport/links.js';
import type { Header } from '../../src/wire/frame.js';
import { encodeJob } from '../../src/wire/job.js';
import type { JobSpec } from '../../src/wire/job.js';
import { keyProver } from '../../src/wire/authentication.js';
import { directory, file, manifestOf } from './manifest-parts.js';
import { eventually } from './tees.js';

export const NODE = 'cn0';
/** Nobody's: no passwd entry is needed. */
const USER = 12345;

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly path?: string;
}

export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class LoneNode {
  readonly heard: Header[] = [];
  readonly lost: (TeesError | undefined)[] = [];
  readonly log: string[] = [];
  readonly key = randomBytes(32);
  port = 0;
  #daemon: NodeDaemon | undefined;
  #parent: Links | undefined;
  #jobs = 0;

  private constructor(readonly store: string) {}

  /** @param more lines of its configuration */
  static async start(t: ExecutionContext, store: string, ...more: string[]): Promise<LoneNode> {
    const node = new LoneNode(store);
    node.port = await freePort();
    const text = [
      'cluster: lone',
      'login: { name: login }',
      `groups: [{ proxy: ${NODE}, slaves: "cn[1-3]" }]`,
      'addresses: { login: 127.0.0.1, "cn[0-3]": "127.0.0.[1-4]" }',
      `port: ${node.port}`,
      `store: { directory: ${store}, size: 64MiB, cache: 0 }`,
      `runtimeDirectory: ${store}/run`,
      ...more,
    ].join('\n');
    const say = (line: string): void => void node.log.push(line);
    const log = { error: say, warn: say, info: say, debug: () => {} };
    const config = parseConfig(text, `${store}/tees.yaml`);
    node.#daemon = new NodeDaemon({ config, self: NODE, prover: keyProver(node.key), log });
    await node.#daemon.start();
    node.#parent = node.peer('login', node.key);
    t.teardown(() => node.stop());
    return node;
  }

  async stop(): Promise<void> {
    await this.#parent?.close();
    await this.#daemon?.stop();
  }

  /** Whoever else connects to it. */
  peer(self: string, key: Buffer): Links {
    return new Links({
      self,
      prover: keyProver(key),
      silenceDeadlineMs: DEFAULTS.silenceDeadlineMs,
      address: () => ({ host: '127.0.0.1', port: this.port }),
      onFrame: (_link, frame) => void this.heard.push(frame.header),
      onClosed: (_link, error) => void this.lost.push(error),
      onRefused: (error) => void this.lost.push(error),
    });
  }

  link(): Promise<Link> {
    return (this.#parent as Links).connect(NODE);
  }

  nextJob(): string {
    return `job-${this.#jobs++}`;
  }

  /** How it has said that this job failed, or why it closed a link after so many others. */
  refusalSince(job: string, lost: number): Refusal | undefined {
    const failed = this.#events(job).find(({ event }) => event === 'failed');
    return failed ? (failed['error'] as Refusal) : this.lost.slice(lost).find((error) => error !== undefined);
  }

  async exitOf(job: string): Promise<unknown> {
    const event = await eventually('the end of a task', () =>
      this.#events(job).find(({ event }) => event === 'exited' || event === 'failed'),
    );
    return event['error'] ?? event['status'];
  }

  async gone(job: string): Promise<void> {
    await eventually(`the end of ${job}`, () =>
      this.heard.some(({ t, job: name }) => t === 'gone' && name === job),
    );
  }

  #events(job: string): Header[] {
    return this.heard
      .filter(({ t, job: name }) => t === 'events' && name === job)
      .flatMap(({ events }) => events as Header[]);
  }

  /** A job that is as it should be, to its end: its task's status. */
  async goodJob(): Promise<unknown> {
    const job = this.nextJob();
    const link = await this.link();
    const layer = manifestOf(directory(''), directory('opt'), file('opt/text', 'good\n'));
    const { spec, document } = shipmentOf(layer, job, { argv: ['cat', '/opt/text'] });
    link.post(jobMessage(spec));
    link.post({ t: 'unit', job, unit: 0 }, document);
    link.post({ t: 'unit', job, unit: 1 }, Buffer.from('good\n'));
    const status = await this.exitOf(job);
    link.post({ t: 'end', job });
    await this.gone(job);
    return status;
  }

  /** Directories, mounts and open descriptors below the store. */
  remains(): string[] {
    const places = ['jobs', 'removed'].map((name) => `${this.store}/${name}`);
    const below = (path: string): boolean => places.some((place) => path.startsWith(`${place}/`));
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const open = readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return [];
      }
    });
    return [
      ...places.flatMap((place) => (existsSync(place) ? readdirSync(place) : [`there is no ${place}`])),
      ...mounts.filter((line) => below(line.split(' ')[4] ?? '')),
      ...open.filter(below),
    ];
  }
}

/** As it is told for the first time. */
export function jobMessage(spec: JobSpec): Header {
  return encodeJob(spec, false);
}

/** A layer as a job announces it, in one piece. */
export function shipmentOf(
  manifest: Manifest,
  job: string,
  more: Partial<JobSpec> = {},
  order: Partial<Shipment> = {},
): { spec: JobSpec; document: Buffer } {
  const all = manifest.contents.map((_, index) => index);
  const shipment = encodeShipment({ manifest, order: all, urgentCount: all.length, ...order });
  const { pieces } = cutDocument(shipment);
  assert(pieces.length === 1, 'a small document is one piece');
  const [document] = pieces as [Buffer];
  return { spec: specOf(document, job, manifest, more), document };
}

export function specOf(
  document: Buffer,
  job: string,
  { contents }: Pick<Manifest, 'contents'> = { contents: [] },
  more: Partial<JobSpec> = {},
): JobSpec {
  return {
    job,
    uid: USER,
    gid: USER,
    groups: [],
    argv: ['true'],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    inputNode: NODE,
    tracedNodes: [],
    hook: 'fuse',
    fuseEngine: DEFAULTS.fuseEngine,
    layout: 'stacked',
    demand: true,
    stallDeadlineMs: DEFAULTS.stallDeadlineMs,
    onStall: DEFAULTS.onStall,
    documentLengths: [document.length],
    documentDigests: chunkDigest(document),
    contentBytes: contents.reduce((sum, content) => sum + dataSize(content), 0),
    epoch: 0,
    subtree: { name: NODE, runs: true, known: false, children: [] },
    ...more,
  };
}
