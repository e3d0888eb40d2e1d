/**
 * The timed transfers of one daemon: those that a parent asks for, and, at a login node, those that begin there. What is
 * kept of the units lies in a file without a name, which goes with the trial whatever happens.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import type { Clock } from '../base/clock.js';
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { DIGEST_SIZE_BYTES, TRIALS_AT_ONCE_MAX, TRIAL_KEPT_UNITS, TRIAL_UNITS_MAX } from '../base/limits.js';
import { chunkDigest } from '../image/chunks.js';
import { writePieces } from '../store/piece-io.js';
import { storeError } from '../store/store-error.js';
import { chunkBuffers } from '../wire/buffer-pool.js';
import type { Frame } from '../wire/frame.js';
import type { Subtree } from '../wire/job.js';
import { TRIAL_UNIT_BYTES, decodeTrial, encodeTrial } from '../wire/trial.js';
import type { TrialMessage, TrialPlan, TrialStart, TrialTimes } from '../wire/trial.js';
import type { Link } from './link.js';
import { Trial } from './trial.js';

/** open(2), O_TMPFILE: Node does not name it. */
const O_TMPFILE = 0o20200000;

export interface TrialsOptions {
  readonly self: string;
  /** Units are kept on its file system. */
  readonly directory: string;
  readonly clock?: Clock;
  connect(node: string): Promise<Link>;
}

/** One that a parent has asked for. */
interface Asked {
  readonly trial: Trial;
  readonly digest: Buffer;
  /** Where units are kept; none at a source. */
  readonly fd?: number;
  /** Units that have come. */
  count: number;
}

/** One that another node is the source of. */
interface Ordered {
  readonly link: Link;
  resolve(times: TrialTimes[]): void;
  reject(error: TeesError): void;
}

interface TrialEvents {
  readonly onReady?: () => void;
  readonly onGot?: (node: string, n: number) => void;
  readonly onFailed: (error: TeesError) => void;
}

export class Trials {
  readonly #trials = new Map<string, Trial>();
  readonly #asked = new Map<Link, Map<string, Asked>>();
  readonly #ordered = new Map<string, Ordered>();
  #next = 0;

  constructor(private readonly options: TrialsOptions) {}

  /** From here to these children at once. @throws TeesError */
  async run(children: readonly Subtree[], plan: TrialPlan, signal: AbortSignal): Promise<TrialTimes[]> {
    const unit = randomFillSync(Buffer.allocUnsafe(TRIAL_UNIT_BYTES));
    let failed: TeesError | undefined;
    let wake: () => void = () => {};
    const ready = new Promise<void>((resolve) => (wake = resolve));
    const trial = this.#begin(children, plan, chunkDigest(unit), {
      onReady: () => wake(),
      onFailed: (error) => {
        failed = error;
        wake();
      },
    });
    const abort = (): void => trial.fail(givenUp());
    signal.addEventListener('abort', abort);
    trial.open();
    await ready;
    const times = failed ? [] : await trial.run(unit);
    signal.removeEventListener('abort', abort);
    trial.end();
    // Meanwhile set.
    if (failed) throw failed;
    return times;
  }

  /** From another node to its children. @throws TeesError */
  async runAt(subtree: Subtree, plan: TrialPlan, signal: AbortSignal): Promise<TrialTimes[]> {
    const id = `o${this.#next++}`;
    const link = await this.options.connect(subtree.name);
    // The source makes the units, and knows theirs.
    const digest = Buffer.alloc(DIGEST_SIZE_BYTES);
    let abort = (): void => {};
    try {
      return await new Promise((resolve, reject) => {
        this.#ordered.set(id, { link, resolve, reject });
        abort = () => reject(givenUp());
        signal.addEventListener('abort', abort);
        link.post(encodeTrial({ t: 'trial', id, subtree, source: true, digest, ...plan }));
      });
    } finally {
      signal.removeEventListener('abort', abort);
      this.#ordered.delete(id);
      link.post(encodeTrial({ t: 'trialEnd', id }));
    }
  }

  /** @throws TeesError MESSAGE_INVALID */
  receive(link: Link, { header, body }: Frame): void | Promise<void> {
    const message = decodeTrial(header);
    switch (message.t) {
      case 'trial':
        return this.#serve(link, message);
      case 'trialUnit':
        return this.#take(link, message, body);
      case 'trialEnd':
        return this.#end(link, message.id);
      case 'trialReady':
        return this.#trials.get(message.id)?.ready(link);
      case 'trialGot':
        return this.#trials.get(message.id)?.got(link, message.node, message.n);
      default:
        return this.#hear(link, message);
    }
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    for (const id of this.#asked.get(link)?.keys() ?? []) this.#end(link, id);
    this.#asked.delete(link);
    for (const trial of this.#trials.values()) trial.linkClosed(link, error);
    for (const ordered of this.#ordered.values())
      if (ordered.link === link) ordered.reject(error ?? new TeesError('LINK_LOST', `${link.peer} hung up`));
  }

  #hear(link: Link, message: Extract<TrialMessage, { t: 'trialled' | 'trialFailed' }>): void {
    const ordered = this.#ordered.get(message.id);
    if (message.t === 'trialled') {
      if (ordered?.link === link) ordered.resolve([...message.times]);
      return;
    }
    const error = TeesError.fromRecord(message.error);
    if (ordered?.link === link) ordered.reject(error);
    this.#trials.get(message.id)?.failed(link, error);
  }

  #begin(children: readonly Subtree[], plan: TrialPlan, digest: Buffer, events: TrialEvents): Trial {
    const id = String(this.#next++);
    const trial = new Trial({
      id,
      children,
      plan,
      digest,
      clock: this.options.clock ?? systemClock,
      connect: (node) => this.options.connect(node),
      onReady: () => events.onReady?.(),
      onGot: (node, n) => events.onGot?.(node, n),
      onFailed: (error) => events.onFailed(error),
    });
    for (const [known, each] of this.#trials) if (each.hasEnded) this.#trials.delete(known);
    this.#trials.set(id, trial);
    return trial;
  }

  #serve(link: Link, start: TrialStart): void {
    const { self } = this.options;
    const refuse = (error: TeesError): void =>
      link.post(encodeTrial({ t: 'trialFailed', id: start.id, error: error.of(self).toRecord() }));
    if (start.subtree.name !== self)
      return refuse(new TeesError('MESSAGE_INVALID', `a trial was refused: it is for ${start.subtree.name}`));
    const here = this.#asked.get(link) ?? new Map<string, Asked>();
    const count = [...this.#asked.values()].reduce((sum, { size }) => sum + size, 0);
    if (here.has(start.id) || count >= TRIALS_AT_ONCE_MAX)
      return refuse(new TeesError('TRIALS_TOO_MANY', `${count} timed transfers are under way here already`));
    this.#asked.set(link, here);
    try {
      if (start.source) this.#serveSource(link, start, here, refuse);
      else this.#serveRelay(link, start, here, refuse);
    } catch (error) {
      refuse(storeError(error, this.options.directory));
    }
  }

  #serveSource(
    link: Link,
    { id, subtree, ...start }: TrialStart,
    here: Map<string, Asked>,
    refuse: (error: TeesError) => void,
  ): void {
    const unit = randomFillSync(Buffer.allocUnsafe(TRIAL_UNIT_BYTES));
    const digest = chunkDigest(unit);
    const onReady = (): void => {
      void trial.run(unit).then((times) => {
        if (trial.hasEnded) return;
        link.post(encodeTrial({ t: 'trialled', id, times }));
        this.#end(link, id);
      });
    };
    const trial = this.#begin(subtree.children, planOf(start), digest, { onReady, onFailed: refuse });
    here.set(id, { trial, digest, count: 0 });
    trial.open();
  }

  #serveRelay(
    link: Link,
    { id, subtree, digest, ...start }: TrialStart,
    here: Map<string, Asked>,
    refuse: (error: TeesError) => void,
  ): void {
    const fd = openSync(this.options.directory, O_TMPFILE | constants.O_RDWR, 0o600);
    const trial = this.#begin(subtree.children, planOf(start), digest, {
      onReady: () => link.post(encodeTrial({ t: 'trialReady', id })),
      onGot: (node, n) => link.post(encodeTrial({ t: 'trialGot', id, n, node })),
      onFailed: refuse,
    });
    here.set(id, { trial, digest, fd, count: 0 });
    trial.open();
  }

  /** Verified, kept and passed on, in this order, as a job's units are. */
  async #take(link: Link, { id, n }: { id: string; n: number }, body: Buffer): Promise<void> {
    const asked = this.#asked.get(link)?.get(id);
    if (asked?.fd === undefined) return chunkBuffers.release(body);
    try {
      if (n !== asked.count || n >= TRIAL_UNITS_MAX || body.length !== TRIAL_UNIT_BYTES)
        throw new TeesError('MESSAGE_INVALID', `a unit was refused: ${n} of ${body.length} bytes`);
      asked.count += 1;
      if (!chunkDigest(body).equals(asked.digest))
        throw new TeesError('CHUNK_CORRUPT', `unit ${n} of a timed transfer is not what was sent`);
      await writePieces(asked.fd, body, [[(n % TRIAL_KEPT_UNITS) * TRIAL_UNIT_BYTES, body.length]]);
      link.post(encodeTrial({ t: 'trialGot', id, n, node: this.options.self }));
      await asked.trial.passOn(n, body);
    } catch (error) {
      // Nobody waits for what was under way when it was given up.
      if (!asked.trial.hasEnded) throw storeError(error, this.options.directory);
    } finally {
      chunkBuffers.release(body);
    }
  }

  #end(link: Link, id: string): void {
    const asked = this.#asked.get(link)?.get(id);
    if (!asked) return;
    asked.trial.end();
    if (asked.fd !== undefined) closeSync(asked.fd);
    this.#asked.get(link)?.delete(id);
    if (this.#asked.get(link)?.size === 0) this.#asked.delete(link);
  }
}

function givenUp(): TeesError {
  return new TeesError('CANCELLED', 'the measurement was given up');
}

function planOf({ window, unitsMax, durationMs }: TrialPlan): TrialPlan {
  return { window, unitsMax, durationMs };
}
