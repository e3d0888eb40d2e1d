/**
 * The way from a parent to one child of a job: a link, and after its loss the next one. A lost link is not yet a lost
 * node: the connection is tried again, at growing intervals, until the child has said something by a new link or the
 * deadline has passed.
 */
import { TeesError } from '../base/errors.js';
import { RECONNECT_INTERVAL_MAX_MS, RECONNECT_INTERVAL_MIN_MS } from '../base/limits.js';
import type { Header } from '../wire/frame.js';
import { JobChannel } from './job-channel.js';
import type { Link } from './link.js';

/** What a network or a dead process does to a link. Everything else was said or done on purpose, and is final. */
const LOSSES: ReadonlySet<string> = new Set(['LINK_LOST', 'LINK_SILENT', 'FRAME_TRUNCATED']);
/** Also what may be otherwise at the next try. */
const TRANSIENT: ReadonlySet<string> = new Set([...LOSSES, 'NODE_UNREACHABLE', 'AUTHENTICATION_TIMEOUT']);

/** @param error undefined: the other end has hung up */
export function isLoss(error: TeesError | undefined): boolean {
  return error === undefined || LOSSES.has(error.code);
}

export interface ChildLinkOptions {
  readonly job: string;
  readonly node: string;
  /** 0: a lost link is a lost node. */
  readonly recoveryDeadlineMs: number;
  connect(): Promise<Link>;
  /** It has answered before, to an earlier daemon here or to another parent: it is tried as if a link had been lost. */
  readonly known: boolean;
  /** It has answered for the first time. */
  onKnown(): void;
  /** It has answered after it was away. */
  onBack(): void;
  /** What a new link begins with. @param again whether the child has answered before */
  greeting(again: boolean): Header;
  /** The greeting was sent by a new link. */
  onAttached(): void;
  /** Without a link for now. */
  onAway(error: TeesError): void;
  /** The child's daemon is another than before. */
  onRenewed(): void;
  onLost(error: TeesError): void;
}

export class ChildLink {
  readonly channel: JobChannel;
  link: Link | undefined;
  /** The child has answered, by any link. */
  #known: boolean;
  /** It has answered by this link. */
  #confirmed = false;
  #closed = false;
  /** Why it was lost. */
  #loss: TeesError | undefined;
  #tries = 0;
  #lastFailure: TeesError | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;

  constructor(private readonly options: ChildLinkOptions) {
    this.#known = options.known;
    this.channel = new JobChannel(options.job, () => options.onRenewed());
  }

  /** For the first time, without another try: who does not answer at the start is told at once. */
  async open(): Promise<void> {
    if (this.#known && this.options.recoveryDeadlineMs > 0) return this.linkClosed(undefined);
    try {
      this.#attach(await this.options.connect());
    } catch (error) {
      this.#lose(TeesError.from(error, 'NODE_UNREACHABLE', { node: this.options.node }));
    }
  }

  /** The child has said something by the present link. */
  heard(): void {
    if (this.#confirmed) return;
    if (!this.#known) this.options.onKnown();
    if (this.#loss) this.options.onBack();
    this.#known = true;
    this.#confirmed = true;
    this.#tries = 0;
    this.#loss = undefined;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  /** The present link is gone. */
  linkClosed(error: TeesError | undefined): void {
    const { node, recoveryDeadlineMs } = this.options;
    const loss = error ?? new TeesError('LINK_LOST', `the connection to ${node} ended`, { node });
    this.link = undefined;
    this.#confirmed = false;
    this.channel.detach();
    if (this.#closed) return;
    if (!isLoss(error) || recoveryDeadlineMs === 0) return this.#lose(loss);
    this.#loss ??= loss;
    this.#deadline ??= setTimeout(() => this.#giveUp(), recoveryDeadlineMs);
    this.options.onAway(loss);
    this.#tryAgainLater();
  }

  /** It has left. What it has told may still be settled, and is waited for there. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#pause);
  }

  #attach(link: Link): void {
    if (this.#closed) return;
    this.link = link;
    link.post(this.options.greeting(this.#known));
    this.channel.attach(link);
    this.options.onAttached();
  }

  #tryAgainLater(): void {
    const interval = Math.min(RECONNECT_INTERVAL_MAX_MS, RECONNECT_INTERVAL_MIN_MS * 2 ** this.#tries);
    this.#pause = setTimeout(() => void this.#tryAgain(), interval);
  }

  async #tryAgain(): Promise<void> {
    this.#tries++;
    try {
      this.#attach(await this.options.connect());
    } catch (error) {
      const failure = TeesError.from(error, 'NODE_UNREACHABLE', { node: this.options.node });
      if (this.#closed) return;
      if (!TRANSIENT.has(failure.code)) return this.#lose(failure);
      this.#lastFailure = failure;
      this.#tryAgainLater();
    }
  }

  #giveUp(): void {
    const { node, recoveryDeadlineMs } = this.options;
    const loss = this.#loss as TeesError;
    const last = this.#lastFailure ? `; the last of ${this.#tries} tries: ${this.#lastFailure.message}` : '';
    const within = `within ${recoveryDeadlineMs / 1000} s`;
    // It has just been reached, and has not answered: it would take this node for its parent.
    if (this.link) this.channel.tell({ t: 'parted', job: this.options.job });
    this.#lose(
      new TeesError(loss.code, `${loss.message}; ${node} did not come back ${within}${last}`, {
        node,
        cause: this.#lastFailure ?? loss,
        hint: 'Is the node up, and its daemon running? See its log. recoveryDeadline is set in the configuration.',
      }),
    );
  }

  #lose(error: TeesError): void {
    if (this.#closed) return;
    this.close();
    this.channel.abandon();
    this.options.onLost(error);
  }
}
