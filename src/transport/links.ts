/**
 * The links of one daemon: it listens for parents, and connects to children. Connections to children persist
 * and are shared by all jobs. Frames go to the one handler, with the link they came by.
 */
import { Socket, connect, createServer } from 'node:net';
import type { AddressInfo, OnReadOpts, Server, SocketConstructorOpts } from 'node:net';
import { TeesError } from '../base/errors.js';
import type { Metric } from '../base/metrics.js';
import { CONNECT_DEADLINE_MS } from '../base/limits.js';
import { Acceptor, Connector } from '../wire/authentication.js';
import type { Prover } from '../wire/authentication.js';
import type { Frame } from '../wire/frame.js';
import { Link } from './link.js';
import { Traffic } from './traffic.js';

export interface LinksOptions {
  /** This daemon's node name. */
  readonly self: string;
  /** By what daemons of the cluster know each other. */
  readonly prover: Prover;
  /** A link by which nothing at all comes for so long is dead. */
  readonly silenceDeadlineMs: number;
  /** Where a node's daemon listens. */
  address(node: string): { host: string; port: number };
  onFrame(link: Link, frame: Frame): void | Promise<void>;
  onClosed(link: Link, error: TeesError | undefined): void;
  /** A connection from outside that came to nothing: for the log. */
  onRefused(error: TeesError): void;
}

/** How far the link to a node is that is being opened: its host has taken the connection, or not yet; or it is open. */
export type LinkStage = 'none' | 'dialled' | 'reached' | 'open';

interface Opening {
  /** Its host has taken the connection. */
  readonly onReached?: () => void;
  /** It is of no more use, or came to nothing. */
  readonly onClosed: () => void;
}

export class Links {
  readonly #outgoing = new Map<string, Promise<Link>>();
  readonly #stages = new Map<string, LinkStage>();
  readonly #all = new Set<Link>();
  readonly #traffic = new Traffic();
  #server: Server | undefined;
  #empty: () => void = () => {};

  constructor(private readonly options: LinksOptions) {}

  metrics(): Metric[] {
    return this.#traffic.metrics();
  }

  /** @returns the port */
  async listen(host: string, port: number): Promise<number> {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      const acceptor = new Acceptor(this.options.prover, this.options.self);
      this.#all.add(
        new Link(
          (onread) => this.#traffic.watch(withReadBuffer(socket, onread)),
          acceptor,
          {
            opened: (link) => (frame) => this.options.onFrame(link, frame),
            closed: (link, error) => this.#closed(link, error),
          },
          this.options.silenceDeadlineMs,
        ),
      );
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          new TeesError('LISTEN_FAILED', `cannot listen on ${host || '*'}:${port}: ${cause.message}`, {
            node: this.options.self,
            cause,
            hint: 'Is another daemon running here? Choose another port in the configuration.',
          }),
        ),
      );
      server.listen(port, host, resolve);
    });
    // No descriptor left to accept with, for one: later connections may be luckier.
    server.on('error', (cause) =>
      this.options.onRefused(new TeesError('LISTEN_FAILED', cause.message, { cause })),
    );
    return (server.address() as AddressInfo).port;
  }

  /** The link to a node, opened if there is none. */
  connect(node: string): Promise<Link> {
    const known = this.#outgoing.get(node);
    if (known) return known;
    const link = this.#open(node, {
      onReached: () => this.#stages.set(node, 'reached'),
      onClosed: () => {
        if (this.#outgoing.get(node) !== link) return;
        this.#outgoing.delete(node);
        this.#stages.delete(node);
      },
    });
    this.#outgoing.set(node, link);
    this.#stages.set(node, 'dialled');
    void link.then(
      () => this.#outgoing.get(node) === link && this.#stages.set(node, 'open'),
      () => {},
    );
    return link;
  }

  stage(node: string): LinkStage {
    return this.#stages.get(node) ?? 'none';
  }

  /**
   * Whether a node's daemon answers now, which a link from before does not tell; if not, why.
   * @param deadlineMs for those who do not want to wait as long as those who need the link
   */
  async probe(node: string, deadlineMs?: number): Promise<TeesError | undefined> {
    let stage: LinkStage = 'dialled';
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      if (deadlineMs === undefined) return;
      timer = setTimeout(() => reject(unanswered(node, this.where(node), stage, deadlineMs)), deadlineMs);
    });
    try {
      const opening = this.#open(node, { onReached: () => (stage = 'reached'), onClosed: () => {} });
      // Whoever has given up the wait: it is hung up on when it answers after all.
      const closed = opening.then((link) => link.close());
      await Promise.race([closed, late]);
      return undefined;
    } catch (error) {
      return TeesError.from(error, 'NODE_UNREACHABLE', { node });
    } finally {
      clearTimeout(timer);
    }
  }

  /** What was sent before still arrives, if the other end takes it. */
  async close(): Promise<void> {
    const server = this.#server;
    const closed = server?.listening ? new Promise((resolve) => server.close(resolve)) : undefined;
    for (const link of this.#all) link.close();
    const empty = new Promise<void>((resolve) => (this.#empty = resolve));
    if (this.#all.size > 0) await empty;
    await closed;
  }

  /** Where its daemon listens, in words. */
  where(node: string): string {
    const { host, port } = this.options.address(node);
    return `${host}:${port}`;
  }

  /** @throws TeesError of the configuration, at once: NODE_UNKNOWN */
  #open(node: string, { onReached, onClosed }: Opening): Promise<Link> {
    const { host, port } = this.options.address(node);
    return new Promise((resolve, reject) => {
      const fail = (cause: TeesError | undefined): void =>
        reject(this.#unreachable(node, `${host}:${port}`, cause));
      let deadline: NodeJS.Timeout | undefined;
      const dial = (onread: OnReadOpts): Socket => {
        const socket = this.#traffic.watch(connect({ host, port, onread }));
        deadline = setTimeout(() => {
          socket.destroy(new Error(`no answer within ${CONNECT_DEADLINE_MS / 1000} s`));
        }, CONNECT_DEADLINE_MS);
        return socket.once('connect', () => {
          clearTimeout(deadline);
          onReached?.();
        });
      };
      const link = new Link(
        dial,
        new Connector(this.options.prover, this.options.self, node),
        {
          opened: (opened) => {
            resolve(opened);
            return (frame) => this.options.onFrame(opened, frame);
          },
          closed: (closed, error) => {
            clearTimeout(deadline);
            onClosed();
            fail(error);
            this.#closed(closed, error);
          },
        },
        this.options.silenceDeadlineMs,
      );
      this.#all.add(link);
    });
  }

  #closed(link: Link, error: TeesError | undefined): void {
    this.#all.delete(link);
    if (this.#all.size === 0) this.#empty();
    if (link.peer) this.options.onClosed(link, error);
    else if (error) this.options.onRefused(error);
  }

  #unreachable(node: string, where: string, cause: TeesError | undefined): TeesError {
    if (cause && cause.code !== 'LINK_LOST' && cause.code !== 'AUTHENTICATION_TIMEOUT') return cause;
    return new TeesError(
      'NODE_UNREACHABLE',
      `cannot reach the daemon of ${node} at ${where}: ${cause?.message ?? 'it hung up'}`,
      {
        node,
        ...(cause ? { cause } : {}),
        hint: `Is the node up? Start its daemon (tees daemon --role node), or leave ${node} out of --nodes.`,
      },
    );
  }
}

const STAGES = {
  none: (where: string) => `no answer from ${where}`,
  dialled: (where: string) => `no answer from ${where}`,
  reached: (where: string) => `connected to ${where}, and heard nothing`,
  open: () => 'heard nothing by the link that was open',
} as const satisfies Record<LinkStage, (where: string) => string>;

/** What there is to say of a node that has had its time. @param where host and port */
export function unanswered(node: string, where: string, stage: LinkStage, waitedMs: number): TeesError {
  const code = stage === 'dialled' ? 'NODE_UNREACHABLE' : 'NODE_SILENT';
  const seconds = Math.round(waitedMs / 100) / 10;
  return new TeesError(code, `${STAGES[stage](where)} within ${seconds} s`, {
    node,
    hint: 'Is the node up, its daemon running, the network whole, the port open?',
  });
}

/**
 * A server's socket with a read buffer of its own choice, which Node offers to clients only: the connection's
 * handle moves to a new socket. Without it every read allocates 64 KiB, and collecting them costs more than all
 * else that a relay does.
 */
function withReadBuffer(accepted: Socket, onread: OnReadOpts): Socket {
  const holder = accepted as unknown as { _handle: unknown };
  const handle = holder._handle;
  holder._handle = null;
  const socket = new Socket({ handle, onread } as SocketConstructorOpts);
  accepted.destroy();
  return socket.resume();
}
