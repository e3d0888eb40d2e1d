/**
 * Where tasks that the node's resource manager starts come into environments: a Unix socket. The manager's
 * daemon asks before each task's program runs (hooks/slurm), and waits until the environment stands here; whoever asks first
 * has it deployed to all nodes of the job.
 *
 * Asked as in door-request.ts. Answered: `entered` PID INODE COUNT ALLOWED×COUNT NAME=VALUE…; `done`; or `error` CODE
 * MESSAGE HINT. Under Slurm it is open for root alone, which its plugin is; tasks of PBS knock themselves (hooks/pbs).
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../base/errors.js';
import { hangUp } from '../base/hang-up.js';
import { RESIDENT_DEADLINE_MS } from '../base/limits.js';
import type { Log } from '../base/log.js';
import type { Link } from '../transport/link.js';
import type { JobSpec } from '../wire/job.js';
import { encodeResident, residentKey } from '../wire/resident.js';
import type { ResidentMessage, ResidentSpec, ResideRequest } from '../wire/resident.js';
import { encodeStrings } from '../wire/strings.js';
import { mayKnock, peerOf, readDoorRequest } from './door-request.js';
import type { EntranceFacts } from './entrance.js';

export const DOOR_NAME = 'tasks.sock';
/** Others ask only when the first has not, or its question is lost. */
const OTHERS_ASK_AFTER_MS = 2_000;
const APART_MS = 20;
const OTHERS_ASK_WITHIN_MS = 60_000;
/** After so long nobody ends any more what the manager has ended. */
const ENDED_DEADLINE_MS = 10_000;
/** Of one user's, at once: a node has not so many processors. */
const KNOCKING_MAX = 512;
/** The daemon is away, or has forgotten: asked again. */
const ASK_AGAIN_AFTER_MS = 10_000;

export interface ResidentJob {
  readonly spec: JobSpec;
  /** No parent comes back to it. */
  readonly isOrphan: boolean;
  abandon(reason: TeesError): Promise<void>;
  readonly entrance: { enter(): Promise<EntranceFacts> };
}

export interface TaskDoorOptions {
  readonly path: string;
  /** Whether tasks knock themselves. */
  readonly forUsers: boolean;
  readonly node: string;
  readonly log: Log;
  /** To the login daemon. */
  connect(): Promise<Link>;
  /** Of those that are here. */
  jobs(): Iterable<ResidentJob>;
}

interface Waiting {
  readonly wake: () => void;
  readonly refuse: (error: TeesError) => void;
}

export class TaskDoor {
  readonly #server: Server;
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #asked = new Set<string>();
  readonly #knocking = new Map<number, number>();

  constructor(private readonly options: TaskDoorOptions) {
    this.#server = createServer((socket) => void this.#serve(socket));
  }

  async start(): Promise<void> {
    const { path, log } = this.options;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(new TeesError('LISTEN_FAILED', `cannot listen: ${cause.message}`, { path, cause })),
      );
      this.#server.listen(path, resolve);
    });
    chmodSync(path, this.options.forUsers ? 0o666 : 0o600);
    this.#server.on('error', (error) => log.error(`cannot accept a task: ${error.message}`));
  }

  stop(): void {
    this.#server.close();
    const reason = new TeesError('DAEMON_STOPPED', 'the daemon was stopped', { node: this.options.node });
    for (const key of [...this.#waiting.keys()]) this.#settle(key, reason);
  }

  /** A job has begun here. */
  begun({ resident }: JobSpec): void {
    if (!resident) return;
    const key = residentKey(resident);
    for (const asked of [...this.#waiting.keys()]) if (asked.startsWith(`${key}/`)) this.#settle(asked);
  }

  /** The login daemon's answer. */
  answered(message: ResidentMessage): void {
    if (message.t !== 'resided') return;
    const key = questionKey(message);
    this.#asked.delete(key);
    if (message.error) this.#settle(key, TeesError.fromRecord(message.error));
  }

  #settle(key: string, error?: TeesError): void {
    for (const { wake, refuse } of this.#waiting.get(key) ?? []) {
      if (error) refuse(error);
      else wake();
    }
    this.#waiting.delete(key);
    this.#asked.delete(key);
  }

  async #serve(socket: Socket): Promise<void> {
    const { log } = this.options;
    const gone = new AbortController();
    socket.on('error', () => {}).once('close', () => gone.abort());
    const say = (...words: string[]): void => {
      if (socket.writable) socket.write(encodeStrings(words));
      hangUp(socket.resume());
    };
    try {
      this.#count(socket);
      const asked = await readDoorRequest(socket);
      mayKnock(peerOf(socket), asked);
      if (asked.verb === 'ended') return say(...(await this.#ended(asked.manager, asked.job)));
      const { pid, inode, allow, env } = await this.#enter(asked.request, asked.position, gone.signal);
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      say('entered', String(pid), String(inode), String(allow.length), ...allow, ...variables);
    } catch (thrown) {
      const error = TeesError.from(thrown, 'INTERNAL');
      if (!gone.signal.aborted) log.warn(`a task cannot come in: ${error.code}: ${error.message}`);
      say('error', error.code, error.message, error.hint ?? '');
    }
  }

  /** Nobody takes the door from others. @throws TeesError TASKS_TOO_MANY */
  #count(socket: Socket): void {
    const uid = peerOf(socket);
    const count = (this.#knocking.get(uid) ?? 0) + 1;
    if (count > KNOCKING_MAX && uid !== 0)
      throw new TeesError('TASKS_TOO_MANY', `uid ${uid} has ${KNOCKING_MAX} tasks at the door already`, {
        hint: 'They wait for an environment that is on its way: start fewer at once.',
      });
    this.#knocking.set(uid, count);
    socket.once('close', () => {
      const left = (this.#knocking.get(uid) ?? 1) - 1;
      if (left > 0) this.#knocking.set(uid, left);
      else this.#knocking.delete(uid);
    });
  }

  async #enter(request: ResideRequest, position: number, gone: AbortSignal): Promise<EntranceFacts> {
    const { manager, job, environment } = request;
    const spec = { manager, job, environment };
    const deadline = AbortSignal.timeout(RESIDENT_DEADLINE_MS);
    let delayMs = askAfterMs(position);
    for (;;) {
      const found = this.#find(spec);
      if (found && found.spec.uid !== request.uid) throw forbidden(request);
      if (found) return until(found.entrance.enter(), deadline, gone, spec);
      const begun = this.#begins(request);
      const late = new AbortController();
      void sleep(delayMs, undefined, { signal: late.signal }).then(
        () => this.#ask(request),
        () => {},
      );
      const again = sleep(delayMs + ASK_AGAIN_AFTER_MS, undefined, { signal: late.signal }).catch(() => {});
      try {
        await until(Promise.race([begun, again]), deadline, gone, spec);
      } finally {
        late.abort();
      }
      delayMs = 0;
    }
  }

  #find(spec: ResidentSpec): ResidentJob | undefined {
    const key = residentKey(spec);
    for (const job of this.options.jobs())
      if (job.spec.resident && residentKey(job.spec.resident) === key) return job;
    return undefined;
  }

  #begins(request: ResideRequest): Promise<void> {
    const key = questionKey(request);
    const begins = new Promise<void>((wake, refuse) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting.add({ wake, refuse }));
    });
    begins.catch(() => {});
    return begins;
  }

  /** Once for all tasks of a node. */
  #ask(request: ResideRequest): void {
    const key = questionKey(request);
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    this.options.connect().then(
      (link) => link.post(encodeResident({ t: 'reside', ...request })),
      (error: unknown) => {
        this.options.log.warn(`the login daemon cannot be asked: ${String(error)}`);
        this.#settle(key, TeesError.from(error, 'NODE_UNREACHABLE'));
      },
    );
  }

  /**
   * The login daemon ends the job everywhere, when its manager says so, too. Where there is none any more, or it knows nothing
   * of the job, it ends here, by the word of the node's own manager.
   */
  async #ended(manager: string, job: string): Promise<string[]> {
    const isMeant = ({ spec: { resident } }: ResidentJob): boolean =>
      resident?.manager === manager && resident.job === job;
    const end = async (): Promise<void> => {
      const reason = new TeesError('ENVIRONMENT_ENDED', `job ${job} of ${manager} has ended`);
      await Promise.all([...this.options.jobs()].filter(isMeant).map((here) => here.abandon(reason)));
    };
    const here = [...this.options.jobs()].filter(isMeant);
    if (here.length === 0) return ['done'];
    try {
      if (here.some(({ isOrphan }) => isOrphan)) throw new Error('nobody comes back to it');
      (await this.options.connect()).post(encodeResident({ t: 'ended', manager, job }));
      setTimeout(() => void end(), ENDED_DEADLINE_MS).unref();
    } catch {
      await end();
    }
    return ['done'];
  }
}

/** Pure: of thousands that wait no more than a few ask at the same time. */
function askAfterMs(position: number): number {
  return position === 0 ? 0 : Math.min(OTHERS_ASK_AFTER_MS + position * APART_MS, OTHERS_ASK_WITHIN_MS);
}

/** One user's question is not answered by what another one is told. */
function questionKey(request: ResidentSpec & { readonly uid: number }): string {
  return `${residentKey(request)}/${request.uid}`;
}

async function until<T>(
  what: Promise<T>,
  deadline: AbortSignal,
  gone: AbortSignal,
  { job, environment }: ResidentSpec,
): Promise<T> {
  let give: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    give = () =>
      reject(
        new TeesError(
          'RESIDENT_LATE',
          gone.aborted
            ? 'the task has gone'
            : `the environment ${environment} was not here within ${RESIDENT_DEADLINE_MS / 1000} s (job ${job})`,
          { hint: 'See the log of the login daemon, and tees status there.' },
        ),
      );
  });
  for (const signal of [deadline, gone]) signal.addEventListener('abort', give, { once: true });
  try {
    if (deadline.aborted || gone.aborted) give();
    return await Promise.race([what, aborted]);
  } finally {
    for (const signal of [deadline, gone]) signal.removeEventListener('abort', give);
  }
}

function forbidden({ job, uid }: ResideRequest): TeesError {
  return new TeesError(
    'RESIDENT_FORBIDDEN',
    `the environment of job ${job} is another user's, and not of uid ${uid}`,
  );
}
