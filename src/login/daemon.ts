/**
 * The daemon of a login node: takes requests from its users over a Unix socket, and is the root of every job's
 * tree. A composition root: it makes the parts and connects them.
 */
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { REQUEST_DEADLINE_MS } from '../base/limits.js';
import type { Log } from '../base/log.js';
import { native } from '../base/native.js';
import type { PeerCredentials } from '../base/native.js';
import type { Config } from '../config/config.js';
import { addressOf } from '../config/address.js';
import { loadConfig } from '../config/parse.js';
import type { Metric } from '../base/metrics.js';
import type { Link } from '../transport/link.js';
import { Links } from '../transport/links.js';
import { NetworkTests } from '../transport/network-tests.js';
import { encodeFrame } from '../wire/frame.js';
import type { Prover } from '../wire/authentication.js';
import type { Frame } from '../wire/frame.js';
import { decodeResidentMessage, isResidentMessage } from '../wire/resident.js';
import { Calibrator } from './calibrator.js';
import { EnvironmentKeeper } from './environment-keeper.js';
import { hangUp } from '../base/hang-up.js';
import { IdleProxies } from './idle-proxies.js';
import type { LoginJob } from './job.js';
import { JobList } from './job-list.js';
import { LearntRecords } from './learnt-records.js';
import { OpenCommands } from './open-commands.js';
import { Prober } from './probing.js';
import { Residents } from './residents.js';
import { Session } from './session.js';
import type { SubmissionContext } from './submission.js';
import { StorageRecords } from './storage-records.js';

export const SOCKET_NAME = 'tees.sock';

export interface LoginDaemonOptions {
  readonly config: Config;
  readonly prover: Prover;
  readonly log: Log;
  /** Instead of REQUEST_DEADLINE_MS and COMMANDS_PER_USER_MAX. */
  readonly requestDeadlineMs?: number;
  readonly commandsPerUserMax?: number;
  /** A network namespace for environments; otherwise theirs is this process's. */
  readonly environmentsNetworkFd?: number;
}

export class LoginDaemon {
  readonly #jobs = new Map<string, LoginJob>();
  readonly #sessions = new Set<Session>();
  readonly #list = new JobList();
  readonly #open: OpenCommands;
  readonly #idleProxies = new IdleProxies();
  readonly #learnt: LearntRecords;
  readonly #storageRecords: StorageRecords;
  readonly #residents = new Residents(() => this.#submissions());
  readonly #links: Links;
  readonly #tests: NetworkTests;
  readonly #prober: Prober;
  readonly #calibrator: Calibrator;
  readonly #environments: EnvironmentKeeper | undefined;
  /** Its `network` may be read anew while jobs run. */
  #config: Config;
  #server: Server | undefined;
  #nextJob = 1;
  #submitted = 0;

  constructor(private readonly options: LoginDaemonOptions) {
    const { config, prover, log } = options;
    this.#config = config;
    this.#open = new OpenCommands(options.commandsPerUserMax);
    this.#learnt = new LearntRecords(`${config.store.directory}/learnt`, log);
    this.#storageRecords = new StorageRecords(`${config.store.directory}/shared`, log);
    this.#links = new Links({
      self: config.cluster.login.name,
      prover,
      silenceDeadlineMs: config.silenceDeadlineMs,
      address: (node) => addressOf(config, node),
      onFrame: (link, frame) => this.#receive(link, frame),
      onClosed: (link, error) => this.#linkClosed(link, error),
      onRefused: (error) => log.warn(`a connection was refused: ${error.code}: ${error.message}`),
    });
    this.#tests = new NetworkTests(config.cluster.login.name, this.#links, config.store.directory);
    this.#prober = new Prober({
      config: () => this.#config,
      probes: this.#tests.probes,
      clock: systemClock,
      isIdle: (proxy) => this.#idleProxies.isIdle(proxy),
      callDirectly: (node, deadlineMs) => this.#links.probe(node, deadlineMs),
    });
    const { environments, runtimeDirectory, resourceManager } = config;
    const networkFd = options.environmentsNetworkFd;
    this.#environments =
      environments &&
      new EnvironmentKeeper({ environments, runtimeDirectory, resourceManager, log, networkFd });
    this.#calibrator = new Calibrator({
      config: () => this.#config,
      prober: this.#prober,
      trials: this.#tests.trials,
      clock: systemClock,
      jobCount: () => this.#jobs.size,
      useAnew: () => this.#readAnew(),
    });
  }

  async start(): Promise<void> {
    const { config } = this.options;
    const { runtimeDirectory } = config;
    const path = `${runtimeDirectory}/${SOCKET_NAME}`;
    await mkdir(runtimeDirectory, { recursive: true, mode: 0o755 });
    await mkdir(this.#cacheDirectory, { recursive: true, mode: 0o700 });
    await rm(path, { force: true });
    await this.#environments?.start();
    // Nobody waits for a storage that hangs.
    void this.#storageRecords.removeLeftovers(this.options.config.sharedStorage);
    const server = createServer({ allowHalfOpen: false }, (socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new TeesError('LISTEN_FAILED', `cannot listen: ${cause.message}`, { path, cause })),
      );
      // Every user may connect; what they may do is judged by who the kernel says they are.
      server.listen({ path, readableAll: true, writableAll: true }, resolve);
    });
    // Nodes on which a task of the resource manager begins ask for its environment.
    if (config.resourceManager !== 'none') await this.#links.listen('0.0.0.0', config.port);
    // No descriptor left to accept with, for one: later commands may be luckier.
    server.on('error', (error) => this.options.log.error(`cannot accept a command: ${error.message}`));
  }

  /** Cancels every job and closes every link. */
  async stop(): Promise<void> {
    const reason = new TeesError('DAEMON_STOPPED', 'the login daemon was stopped');
    this.#server?.close();
    await this.#environments?.stop();
    await Promise.all([
      this.#residents.stop(reason),
      ...[...this.#sessions].map((session) => session.cancel(reason)),
    ]);
    await this.#links.close();
  }

  metrics(): Metric[] {
    return [
      { name: 'jobs', kind: 'gauge', help: 'Jobs that run.', value: this.#jobs.size },
      {
        name: 'jobs_submitted_total',
        kind: 'counter',
        help: 'Jobs that were begun.',
        value: this.#submitted,
      },
      {
        name: 'commands',
        kind: 'gauge',
        help: 'Commands of users that are served.',
        value: this.#sessions.size,
      },
      ...this.#links.metrics(),
    ];
  }

  get #cacheDirectory(): string {
    return `${this.options.config.store.directory}/scans`;
  }

  #accept(socket: Socket): void {
    const { log } = this.options;
    let user: PeerCredentials;
    try {
      const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
      user = native().peerCredentials(fd);
    } catch (error) {
      log.error(`a connection without credentials was refused: ${String(error)}`);
      socket.destroy();
      return;
    }
    if (this.#admits(socket, user.uid)) this.#serve(socket, user);
  }

  /** Otherwise it has been told, and hung up on. */
  #admits(socket: Socket, uid: number): boolean {
    const admission = this.#open.enter(uid);
    if (admission === 'dropped') {
      socket.destroy();
      return false;
    }
    socket.on('error', () => {}).once('close', () => this.#open.leave(uid));
    if (admission === 'served') return true;
    const error = this.#open.refusal(uid);
    this.options.log.warn(`a command of user ${uid}: ${error.code}: ${error.message}`);
    socket.resume().write(encodeFrame({ t: 'over', status: 1, error: error.toRecord() }));
    hangUp(socket);
    return false;
  }

  #serve(socket: Socket, user: PeerCredentials): void {
    const { log, requestDeadlineMs = REQUEST_DEADLINE_MS } = this.options;
    const session = new Session(socket, user, {
      ...this.#submissions(),
      requestDeadlineMs,
      prober: this.#prober,
      calibrator: this.#calibrator,
    });
    this.#sessions.add(session);
    session
      .serve()
      .catch((error: unknown) => log.error(`a command's session: ${String(error)}`))
      .finally(() => this.#sessions.delete(session));
  }

  #submissions(): SubmissionContext {
    return {
      config: this.#config,
      log: this.options.log,
      cacheDirectory: this.#cacheDirectory,
      idleProxies: this.#idleProxies,
      learnt: this.#learnt,
      storageRecords: this.#storageRecords,
      jobs: this.#list,
      connect: (node) => this.#links.connect(node),
      probe: (node) => this.#links.probe(node),
      nextJobName: () => `${Date.now().toString(36)}-${this.#nextJob++}`,
      onJob: (name, job) => {
        this.#submitted++;
        this.#jobs.set(name, job);
      },
      onJobOver: (name) => this.#jobs.delete(name),
    };
  }

  /** Only what trees are planned with: the rest needs a new start, here and everywhere. */
  #readAnew(): Config['network'] {
    const { network, tree } = loadConfig(this.#config.file);
    const { thresholdNodes } = tree;
    this.#config = { ...this.#config, network, tree: { ...this.#config.tree, thresholdNodes } };
    this.options.log.info(`the network's figures are read anew from ${this.#config.file}`);
    return network;
  }

  #receive(link: Link, frame: Frame): void | Promise<void> {
    if (isResidentMessage(frame.header))
      return this.#residents.receive(link, decodeResidentMessage(frame.header));
    if (this.#tests.concerns(frame.header)) return this.#tests.receive(link, frame);
    const name = frame.header['job'];
    const job = typeof name === 'string' ? this.#jobs.get(name) : undefined;
    if (job?.ownsLink(link)) return job.receive(link, frame);
  }

  #linkClosed(link: Link, error: TeesError | undefined): void {
    if (error) this.options.log.warn(`link to ${link.peer}: ${error.code}: ${error.message}`);
    for (const job of this.#jobs.values()) if (job.ownsLink(link)) job.linkClosed(link, error);
    this.#tests.linkClosed(link, error);
  }
}
