/** All ways on this node, for one user: each has a stopwatch, and the keeper of its own where it has one. */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describeError, TeesError } from '../../src/base/errors.js';
import { enterPath, keeperPath } from '../../src/base/native.js';
import { Client } from '../hook/client.js';
import type { TrialContext } from '../trial.js';
import { Keeper } from './keeper.js';
import { find, grownBy, look, processesOf } from './memory.js';
import { preparePeers } from './peers.js';
import type { Peers } from './peers.js';
import { asUser, makeUser } from './user.js';
import type { User } from './user.js';
import { podman, WAYS, WORK } from './ways.js';
import type { Memory, Place, Round, Sizes, Way, WayName } from './ways.js';

const run = promisify(execFile);
const SETTLE_MS = 1_000;
/** Compiled, this file lies in build/bench/environment. */
const SOURCE = fileURLToPath(new URL('../../../bench/environment/stopwatch.c', import.meta.url));

interface Lane {
  readonly way: Way;
  readonly client: Client;
  readonly pid: number;
  readonly keeper?: Keeper;
}

export class Rig {
  readonly failures: Partial<Record<WayName, string>>;
  readonly #lanes = new Map<WayName, Lane>();
  /** All names are new, so that nothing that is left of one is in the way of another. */
  #names = 0;

  private constructor(
    private readonly context: TrialContext,
    private readonly user: User,
    private readonly place: Place,
    readonly peers: Peers,
  ) {
    this.failures = { ...peers.missing };
  }

  /** Each way has been gone once when this returns, or is among `failures`. */
  static async prepare(context: TrialContext, sizes: Sizes): Promise<Rig> {
    const directory = mkdtempSync('/tmp/tees-bench-environment-');
    context.cleanup.push('the directory', () => rmSync(directory, { recursive: true, force: true }));
    await run('chmod', ['0755', directory]);
    const user = await makeUser(context, join(directory, 'home'));
    const root = join(directory, 'root');
    mkdirSync(root);
    const peers = await preparePeers(context, root);
    const place = { directory, root, home: user.home, uid: user.uid, enter: enterPath() };
    const rig = new Rig(context, user, place, peers);
    await rig.#fill(sizes);
    for (const way of WAYS) if (!rig.failures[way.name]) await rig.#open(way);
    return rig;
  }

  async #fill({ files, fileBytesMax }: Sizes): Promise<void> {
    const { directory } = this.place;
    await run('gcc', ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', SOURCE, '-o', this.#stopwatch]);
    writeFileSync(join(directory, 'program.c'), readFileSync(SOURCE));
    for (const name of ['podman', 'podman/run', 'out']) {
      mkdirSync(join(directory, name));
      await run('chown', [`${this.user.name}:`, join(directory, name)]);
    }
    const closed = ['-type', 'd', '(', '!', '-readable', '-o', '!', '-executable', ')', '-prune'];
    const small = ['-type', 'f', '-readable', '-size', `-${fileBytesMax >> 10}k`, '-print'];
    const search = ['find', '/usr', '-xdev', ...closed, '-o', ...small];
    const [program, ...words] = [...asUser(this.user, directory), ...search];
    const { stdout } = await run(program!, words, { maxBuffer: 2 ** 28 });
    const found = stdout.split('\n').filter(Boolean).sort();
    const step = Math.max(1, Math.floor(found.length / files));
    const chosen = found.filter((_, at) => at % step === 0).slice(0, files);
    for (const path of chosen) readFileSync(path);
    writeFileSync(join(directory, 'list'), chosen.join('\n') + '\n');
  }

  get #stopwatch(): string {
    return join(this.place.directory, 'stopwatch');
  }

  async #open(way: Way): Promise<void> {
    const { context, user, place } = this;
    try {
      const keeper =
        way.kept &&
        (await Keeper.start(context, join(place.directory, way.name), user.uid, way.kept.limited));
      const prefix = way.packages ? this.peers.prefix : [];
      const [program, ...words] = [...prefix, ...asUser(user, place.directory), this.#stopwatch];
      const child = spawn(program, words, { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.on('error', () => {});
      if (way.name === 'podman') context.cleanup.push('podman', () => this.#endPodman());
      context.cleanup.push(`the stopwatch of ${way.name}`, async () => {
        child.stdin.end();
        await ended;
      });
      const lane = { way, client: new Client(child), pid: child.pid!, ...(keeper ? { keeper } : {}) };
      this.#lanes.set(way.name, lane);
      await this.life(way);
    } catch (error) {
      this.#fail(way, error);
    }
  }

  /** It leaves a process that holds its namespaces. */
  async #endPodman(): Promise<void> {
    const command = [...asUser(this.user, this.place.directory), ...podman(this.place), 'system', 'migrate'];
    const [program, ...words] = [...this.peers.prefix, ...command];
    await run(program!, words, { cwd: '/' });
  }

  #fail(way: Way, error: unknown): void {
    this.failures[way.name] = describeError(TeesError.from(error, 'PEER_FAILED'));
    this.context.say(`${way.title} cannot be measured: ${this.failures[way.name]}`);
  }

  /** Those that have not failed. */
  get ways(): readonly Way[] {
    return WAYS.filter(({ name }) => !this.failures[name]);
  }

  /** What fails is told, and not measured again. */
  async attempt<T>(way: Way, measure: () => Promise<T>): Promise<T | undefined> {
    try {
      return await measure();
    } catch (error) {
      this.#fail(way, error);
      return undefined;
    } finally {
      await delay(way.restMs ?? 0);
    }
  }

  /** Start, join, stop. */
  async life(way: Way): Promise<Round> {
    const { client, keeper } = this.#lanes.get(way.name)!;
    const start = await client.ask('time', ...way.start(this.place), 'true');
    const name = keeper ? 'default' : `held${this.#names++}`;
    const others = find(this.#stopwatch, 'stay');
    await client.ask('hold', ...way.start(this.place, name), this.#stopwatch, 'stay');
    const pid = find(this.#stopwatch, 'stay').find((one) => !others.includes(one)) ?? 0;
    const join = way.join && (await client.ask('time', ...way.join(this.place, name, pid), 'true'));
    await client.ask('release');
    if (!keeper) return { start, ...(join === undefined ? {} : { join }) };
    const before = process.hrtime.bigint();
    await keeper.ask('stop', 'default');
    const stop = Number(process.hrtime.bigint() - before);
    return { start, stop, ...(join === undefined ? {} : { join }) };
  }

  /** Inside one that has just been started. */
  async work(way: Way): Promise<Round> {
    const { client, keeper } = this.#lanes.get(way.name)!;
    const { directory } = this.place;
    const files = ['list', 'program.c', `out/${way.name}`].map((name) => join(directory, name));
    const answer = await client.askLine('pass', ...way.start(this.place), this.#stopwatch, 'work', ...files);
    await keeper?.ask('stop', 'default');
    const values = answer.split(' ').map(Number);
    return Object.fromEntries(WORK.map(({ name }, at) => [name, values[at]!]));
  }

  /** podman goes on cleaning up behind its command, in processes that would count for the way after it. */
  async #settled(): Promise<void> {
    const here = (): string => processesOf(this.user.uid).join();
    for (let before = ''; before !== here(); await delay(SETTLE_MS)) before = here();
  }

  /** Of `count` at a time, in each of which one process waits. */
  async memory(way: Way, count: number): Promise<Memory> {
    const { client, keeper, pid } = this.#lanes.get(way.name)!;
    const names = Array.from({ length: count }, () => `held${this.#names++}`);
    await this.#settled();
    const before = look();
    for (const name of names) {
      await keeper?.ask('start', name);
      await client.ask('hold', ...way.start(this.place, name), this.#stopwatch, 'stay');
    }
    const directories = [dirname(keeperPath()), join(this.place.directory, 'root')];
    const grown = grownBy(before, count, { owns: this.user.owns, directories, without: [pid] });
    await client.ask('release');
    for (const name of keeper ? names : []) {
      await keeper?.ask('stop', name);
      await keeper?.ask('delete', name);
    }
    return grown;
  }
}
