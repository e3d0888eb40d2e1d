/**
 * The keeper of users' environments (native/environment): started beside the login daemon, and again when it has ended.
 * Environments outlive both.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { TeesError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { keeperPath } from '../base/native.js';
import { DEVICES } from '../config/config.js';
import type { Environments, ResourceManagerName } from '../config/config.js';
import { encodeStrings } from '../wire/strings.js';

/** Of the keeper. */
const NETWORK_FD = 3;
const RESTART_DELAY_MS = 1_000;
const READY_DEADLINE_MS = 10_000;

export interface KeeperOptions {
  readonly environments: Environments;
  readonly runtimeDirectory: string;
  readonly log: Log;
  /** Whose programs submit from inside. */
  readonly resourceManager?: ResourceManagerName;
  readonly networkFd?: number | undefined;
  /** Default: tees-keep. Tests that attack have builds of it that leave a defence out. */
  readonly program?: string;
}

export class EnvironmentKeeper {
  #child: ChildProcessWithoutNullStreams | undefined;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(private readonly options: KeeperOptions) {}

  /** Resolves when users may come. @throws TeesError ENVIRONMENTS_FAILED */
  async start(): Promise<void> {
    const { networkFd, program = keeperPath() } = this.options;
    const stdio = ['pipe', 'pipe', 'pipe', networkFd ?? 'ignore'] as const;
    const child = spawn(program, [], {
      cwd: '/',
      stdio: [...stdio],
    }) as ChildProcessWithoutNullStreams;
    this.#child = child;
    const { stdin, stdout, stderr } = child;
    const said: string[] = [];
    createInterface(stderr).on('line', (line) => {
      said.push(line);
      this.options.log.warn(line);
    });
    // Who has ended takes no settings: its exit is what counts.
    stdin.on('error', () => {});
    stdin.write(encodeStrings(this.#settings()));
    const ended = new Promise<'ended'>((resolve) => {
      child.once('exit', () => resolve('ended'));
      child.once('error', () => resolve('ended'));
    });
    const ready = once(stdout, 'data', { signal: AbortSignal.timeout(READY_DEADLINE_MS) });
    const outcome = await Promise.race([ready.catch(() => 'late' as const), ended]);
    if (outcome === 'ended' || outcome === 'late') {
      child.kill('SIGKILL');
      throw new TeesError(
        'ENVIRONMENTS_FAILED',
        `the keeper of environments did not start: ${said.join('; ')}`,
        {
          path: this.options.environments.directory,
          hint: 'Build it with: npm run build:native. It needs root, and a directory on a local file system.',
        },
      );
    }
    void ended.then(() => this.#startAgain());
  }

  #startAgain(): void {
    if (this.#stopping) return;
    this.options.log.error('the keeper of environments has ended; it is started again');
    this.#restart = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.options.log.error(TeesError.from(error, 'ENVIRONMENTS_FAILED').message);
        this.#startAgain();
      });
    }, RESTART_DELAY_MS);
  }

  /** Nobody comes in any more; those who are in stay. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.stdin.end();
    await ended;
  }

  #settings(): string[] {
    const { environments, runtimeDirectory, resourceManager } = this.options;
    const { directory, bind, devices, ids, memoryBytes, processes, diskBytes } = environments;
    return [
      `directory=${directory}`,
      `runtime=${runtimeDirectory}`,
      `manager=${resourceManager ?? 'none'}`,
      ...(this.options.networkFd === undefined ? [] : [`network=${NETWORK_FD}`]),
      `idBase=${ids.first}`,
      `idEnd=${ids.first + ids.count}`,
      ...(memoryBytes === undefined ? [] : [`memory=${memoryBytes}`]),
      ...(processes === undefined ? [] : [`processes=${processes}`]),
      ...(diskBytes === undefined ? [] : [`disk=${diskBytes}`]),
      ...devices.map((path) => `device=${path.slice(DEVICES.length)}`),
      // The daemon's own socket: jobs are submitted from inside, too.
      ...[...bind, `?${runtimeDirectory}`].map((path) => `bind=${path}`),
    ];
  }
}
