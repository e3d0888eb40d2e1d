/** One child of a job at its parent: the way to it, and what it has told. */
import { systemClock } from '../base/clock.js';
import { TeesError } from '../base/errors.js';
import { UPWARD_OUTPUT_MAX_BYTES, UPWARD_WAITING_PER_NODE_MAX } from '../base/limits.js';
import { nodesOf } from '../wire/job.js';
import type { Subtree } from '../wire/job.js';
import type { OutputPlace, Progress } from '../wire/messages.js';
import { NO_WAITS, aged } from '../wire/waits.js';
import type { PresentWaits } from '../wire/waits.js';
import { ChildLink } from './child-link.js';
import type { ChildLinkOptions } from './child-link.js';
import { InOrder } from './in-order.js';
import type { Settle } from './job-channel.js';
import { OutputBacklog } from './output-window.js';

export const NO_PROGRESS: Progress = { nodes: 0, urgentBytes: 0, hystereticBytes: 0, launched: 0, exited: 0 };

export type TakeOutput = (place: OutputPlace, bytes: Buffer, settled: Settle) => void | Promise<void>;

export class RelayChild {
  readonly way: ChildLink;
  /** What happened comes behind the output that was before it. */
  readonly #upward = new InOrder((error) =>
    this.way.link?.destroy(TeesError.from(error, 'MESSAGE_INVALID', { node: this.name })),
  );
  progress = NO_PROGRESS;
  /** Bytes of units. */
  sent = 0;
  #waits = NO_WAITS;
  #waitsAtMs = 0;
  gone = false;
  /** Without a link; `told`: for longer than a moment, and this was said. */
  #stranded: NodeJS.Timeout | 'told' | undefined;
  #backlog = new OutputBacklog();
  #subtree: Subtree;
  #below: ReadonlySet<string> = new Set();
  /** What those who have gone elsewhere had told before comes through here still. */
  readonly #everBelow = new Set<string>();
  #waiting = 0;
  /** Of all the daemons that it has had: whoever claims to be a new one again and again gets no new window. */
  readonly #sessions = new OutputBacklog(UPWARD_OUTPUT_MAX_BYTES);
  /** Since the tree has changed, what a node has told before may come by way of whoever was above it then. */
  #bringsOldNews: boolean;

  /** @param isReplanted the tree has changed since the job began */
  constructor(subtree: Subtree, isReplanted: boolean, way: Omit<ChildLinkOptions, 'node' | 'onRenewed'>) {
    const onRenewed = (): void => void (this.#backlog = new OutputBacklog());
    this.way = new ChildLink({ ...way, node: subtree.name, onRenewed });
    this.#subtree = subtree;
    this.replant(subtree);
    this.#bringsOldNews = isReplanted;
  }

  get name(): string {
    return this.#subtree.name;
  }

  get subtree(): Subtree {
    return this.#subtree;
  }

  /** Others are below it from now on. */
  replant(subtree: Subtree): void {
    this.#subtree = subtree;
    this.#below = new Set([...nodesOf(subtree)].map(({ name }) => name));
    for (const name of this.#below) this.#everBelow.add(name);
    this.#bringsOldNews = true;
  }

  /** Without a link for now. */
  get isAway(): boolean {
    return !this.gone && !this.way.link;
  }

  /** Without a link: when it still has none after the delay, this is told, once. */
  strandLater(delayMs: number, tell: () => void): void {
    this.#stranded ??= setTimeout(() => {
      this.#stranded = 'told';
      tell();
    }, delayMs);
  }

  /** It is back, or not waited for any more. @returns whether it was told that it is away */
  clearStranded(): boolean {
    const stranded = this.#stranded;
    this.#stranded = undefined;
    if (stranded === 'told') return true;
    clearTimeout(stranded);
    return false;
  }

  /** Reads that wait at it and below it. @throws TeesError MESSAGE_INVALID */
  tellsWaits(waits: PresentWaits): void {
    for (const { node } of waits.waits) this.checkSpeaksFor(node);
    this.#waits = waits;
    this.#waitsAtMs = systemClock.nowMs();
  }

  get waits(): PresentWaits {
    return this.gone ? NO_WAITS : aged(this.#waits, (systemClock.nowMs() - this.#waitsAtMs) / 1000);
  }

  /**
   * What happened at these nodes, or the child's farewell: taken in its turn.
   * @throws TeesError MESSAGE_INVALID: it is not above them, or they cannot have so much to tell
   */
  receiveEvents(nodes: readonly string[], take: () => void): void {
    for (const node of nodes) this.checkSpeaksFor(node);
    const count = Math.max(1, nodes.length);
    if (this.#waiting + count > UPWARD_WAITING_PER_NODE_MAX * this.#everBelow.size)
      throw new TeesError('MESSAGE_INVALID', `${this.name} has told more than its nodes can have to tell`, {
        node: this.name,
      });
    this.#waiting += count;
    this.#upward.run(() => {
      this.#waiting -= count;
      take();
    });
  }

  leadsTo(node: string): boolean {
    return this.#below.has(node);
  }

  /** @throws TeesError MESSAGE_INVALID: it is not above that node */
  checkSpeaksFor(node: string): void {
    if (this.#bringsOldNews || this.#everBelow.has(node)) return;
    throw new TeesError('MESSAGE_INVALID', `${this.name} may not speak for ${node}`, { node: this.name });
  }

  /** Taken in the order of arrival. @throws TeesError MESSAGE_INVALID: the window was not kept */
  receiveOutput({ node, stream, at }: OutputPlace, bytes: Buffer, settled: Settle, take: TakeOutput): void {
    this.checkSpeaksFor(node);
    const backlog = this.#backlog;
    backlog.add(bytes);
    this.#sessions.add(bytes);
    this.#upward.run(() =>
      take({ node, stream, at }, bytes, () => {
        backlog.settled(bytes);
        this.#sessions.settled(bytes);
        settled();
      }),
    );
  }
}
