/**
 * The blocking hook over FUSE with our own engine: a pair of C processes for each job (native/serve), which outlives
 * the daemon. Here is the daemon's part: it hears for which contents somebody waits, and says what has arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../base/errors.js';
import { SERVE_START_DEADLINE_MS, SERVE_STOP_DEADLINE_MS } from '../base/limits.js';
import { native } from '../base/native.js';
import type { WaitOutcome } from '../store/arrivals.js';
import { ServeLink } from './fuse-link.js';
import { COUNTERS, PROTOCOL_VERSION, decodeHello, encodeSetup } from './fuse-protocol.js';
import type { Counter, Hello, ServeRecord } from './fuse-protocol.js';
import { refuseRequestTimeouts } from './fuse-settings.js';
import { startServing } from './fuse-setup.js';
import type { ServeProgram } from './fuse-setup.js';
import { SpareDescriptors } from './fuse-spare.js';
import type { HookContext, HookServer } from './hook.js';

export interface FuseEngineOptions extends ServeProgram {
  /** False: serve as on a kernel without passthrough (before Linux 6.9). */
  readonly passthrough?: boolean;
}

type Counts = Readonly<Record<Counter, number>>;
interface Question {
  readonly counts: number[];
  answer(counts: Counts): void;
  refuse(error: TeesError): void;
}

type Wake = (outcome: WaitOutcome) => void;

const MNT_FORCE_DETACH = 3;
/** After a new server has begun, the kernel sends it what the old one had not answered. */
const SETTLE_MS = 1_000;

export class FuseEngineHook implements HookServer {
  static readonly REPORTS_HOLES = true;
  readonly engine = 'tees';
  readonly reportsHoles = FuseEngineHook.REPORTS_HOLES;
  readonly #link: ServeLink;
  readonly #spare: SpareDescriptors;
  #servingAgain: Promise<boolean> | undefined;
  readonly #waiting = new Map<number, Wake>();
  /** Told as blocked since the last connection. */
  #told = new Set<number>();
  readonly #questions = new Map<bigint, Question>();
  #asked = 0n;
  #hello: Hello | undefined;
  #greeted: (hello: Hello) => void = () => {};
  #refused: (error: TeesError) => void = () => {};
  #settling: NodeJS.Timeout | undefined;
  #failing = false;
  #mounted = false;
  #left = false;
  #stopping: Promise<void> | undefined;

  constructor(
    private readonly context: HookContext,
    private readonly options: FuseEngineOptions = {},
  ) {
    this.#spare = new SpareDescriptors(context.jobDirectory);
    this.#link = new ServeLink(context.jobDirectory, {
      onRecord: (record) => this.#receive(record),
      serveAgain: () => (this.#servingAgain = this.#serveAgain()),
      onGone: (error) => this.#gone(error),
    });
  }

  /** What the server said when it was last connected. */
  get hello(): Hello | undefined {
    return this.#hello;
  }

  async start(): Promise<void> {
    if (this.#stopping) throw new TeesError('HOOK_FAILED', 'the hook was stopped already');
    refuseRequestTimeouts();
    const { contentCount, jobDirectory } = this.context;
    const { passthrough = true, ...program } = this.options;
    const setup = encodeSetup(contentCount, (content) => this.context.sizeOf(content), {
      passthrough,
      keepErrors: program.errors !== undefined,
    });
    this.#mounted = true;
    await startServing({ jobDirectory, setup, ...program });
    await this.#connect();
  }

  async resume(): Promise<void> {
    if (this.#stopping) throw new TeesError('HOOK_FAILED', 'the hook was stopped already');
    this.#mounted = true;
    await this.#connect();
  }

  /** Opens of what has not arrived fail, those that wait and later ones, until `unfail`. */
  fail(): void {
    this.#failing = true;
    this.#link.send('fail');
  }

  unfail(): void {
    this.#failing = false;
    this.#link.send('resume');
  }

  /** The server goes on alone; it takes what arrives by looking itself. */
  detach(): void {
    this.#left = true;
    this.#leave();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Since the beginning, over all servers of this mount. */
  counts(): Promise<Counts> {
    const question = ++this.#asked;
    return new Promise((answer, refuse) => {
      this.#questions.set(question, { counts: [], answer, refuse });
      this.#link.send('count', 0, question);
    });
  }

  async #connect(): Promise<void> {
    const hello = new Promise<Hello>((resolve, reject) => {
      this.#greeted = resolve;
      this.#refused = reject;
    });
    hello.catch(() => {}); // when opening fails, nobody waits for it
    await this.#link.open();
    const timer = setTimeout(
      () => this.#refused(new TeesError('HOOK_FAILED', 'the serving process does not answer')),
      SERVE_START_DEADLINE_MS,
    );
    const { version, contentCount } = await hello.finally(() => clearTimeout(timer));
    if (version === PROTOCOL_VERSION && contentCount === this.context.contentCount) return;
    const message = `a serving process of protocol ${version} with ${contentCount} contents is there`;
    throw new TeesError('HOOK_FAILED', message, { path: this.context.jobDirectory });
  }

  async #stop(): Promise<void> {
    if (!this.#mounted || this.#left) return this.#leave();
    // A pair that began after the end of the mount would find nothing to serve, but stand in the job's directory.
    await this.#servingAgain?.catch(() => {});
    const late = new AbortController();
    await Promise.race([
      this.#link.finish('stop'),
      sleep(SERVE_STOP_DEADLINE_MS, undefined, { signal: late.signal }).catch(() => {}),
    ]);
    late.abort();
    this.#leave();
    // It has unmounted, if it was there to do so. The pair ends with its mount in any case.
    try {
      native().unmount(Buffer.from(this.context.directory), MNT_FORCE_DETACH);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EINVAL' && code !== 'ENOENT')
        throw TeesError.from(error, 'HOOK_FAILED', { path: this.context.directory });
    }
  }

  #leave(): void {
    clearTimeout(this.#settling);
    this.#refuse(new TeesError('HOOK_FAILED', 'stopped while it was starting'));
    this.#link.close();
    this.#spare.close();
    for (const content of [...this.#waiting.keys()]) this.#cancel(content);
  }

  #receive(record: ServeRecord): void {
    switch (record.kind) {
      case 'hello':
        return this.#welcome(decodeHello(record));
      case 'process':
        // Without resending, those who wait would do so for ever: they are to fail with the pair.
        if (this.#hello?.resend) this.#spare.take(Number(record.value));
        return;
      case 'blocked':
        return this.#blocked(record.content);
      case 'unblocked':
        return this.#cancel(record.content);
      case 'counter':
        // Records of one question come together: which one is told by `done`.
        for (const question of this.#questions.values())
          question.counts[record.content] = Number(record.value);
        return;
      case 'done':
        return this.#answered(record.value);
      default:
        throw new TeesError('HOOK_FAILED', `the serving process may not say '${record.kind}'`);
    }
  }

  #welcome(hello: Hello): void {
    this.#hello = hello;
    this.#told = new Set();
    // What was asked of a server that was killed, its successor answers.
    for (const question of this.#questions.keys()) this.#link.send('count', 0, question);
    if (this.#failing && !hello.failing) this.#link.send('fail');
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#settle(), SETTLE_MS);
    this.#settling.unref();
    this.#greeted(hello);
  }

  /** Whoever waited with the server before and was not told again has gone. */
  #settle(): void {
    for (const content of [...this.#waiting.keys()]) if (!this.#told.has(content)) this.#cancel(content);
  }

  #blocked(content: number): void {
    if (content >= this.context.contentCount)
      throw new TeesError('HOOK_FAILED', `the serving process speaks of content ${content}`);
    this.#told.add(content);
    if (this.#waiting.has(content)) return;
    const wake: Wake = (outcome) => {
      this.#waiting.delete(content);
      if (outcome === 'arrived') this.#link.send('arrived', content);
      else this.fail();
    };
    this.#waiting.set(content, wake);
    this.context.arrivals.wait(content, wake);
  }

  #cancel(content: number): void {
    this.#told.delete(content);
    const wake = this.#waiting.get(content);
    if (!wake) return;
    this.#waiting.delete(content);
    this.context.arrivals.cancel(content, wake);
  }

  #answered(value: bigint): void {
    const question = this.#questions.get(value);
    if (!question) return;
    this.#questions.delete(value);
    const entries = COUNTERS.map((name, index) => [name, question.counts[index] ?? 0]);
    question.answer(Object.fromEntries(entries) as Counts);
  }

  /** Whoever waits for an answer of the server's. */
  #refuse(error: TeesError): void {
    this.#refused(error);
    for (const question of this.#questions.values()) question.refuse(error);
    this.#questions.clear();
  }

  #serveAgain(): Promise<boolean> {
    return this.#stopping || this.#left ? Promise.resolve(false) : this.#spare.serveAgain(this.options);
  }

  #gone(error: TeesError): void {
    this.#refuse(error);
    if (!this.#stopping && !this.#left) this.context.onGone?.(error);
  }
}
