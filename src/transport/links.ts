/**
 * The links of one daemon: it listens for parents, and connects to children. Connections to children persist
 * and are shared by all jobs. Frames go to the one handler, with the link they came by.
 */
import { Socket, connect, createServer } from 'node:net';
import type { AddressInfo, OnReadOpts, Server, SocketConstructorOpts } from 'node:net';
import { TeesError } from '../base/errors.js';
import { CONNECT_DEADLINE_MS } from '../base/limits.js';
import { Acceptor, Connector } from '../wire/authentication.js';
import type { Frame } from '../wire/frame.js';
import { Link } from './link.js';

export interface LinksOptions {
  /** This daemon's node name. */
  readonly self: string;
  readonly key: Buffer;
  /** A link by which nothing at all comes for so long is dead. */
  readonly silenceDeadlineMs: number;
  /** Where a node's daemon listens. */
  address(node: string): { host: string; port: number };
  onFrame(link: Link, frame: Frame): void | Promise<void>;
  onClosed(link: Link, error: TeesError | undefined): void;
  /** A connection from outside that came to nothing: for the log. */
  onRefused(error: TeesError): void;
}

export class Links {
  readonly #outgoing = new Map<string, Promise<Link>>();
  readonly #all = new Set<Link>();
  #server: Server | undefined;
  #empty: () => void = () => {};

  constructor(private readonly options: LinksOptions) {}

  /** @returns the port */
  async listen(host: string, port: number): Promise<number> {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      const acceptor = new Acceptor(this.options.key, this.options.self);
      this.#all.add(
        new Link(
          (onread) => withReadBuffer(socket, onread),
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
    const link = this.#open(node, () => {
      if (this.#outgoing.get(node) === link) this.#outgoing.delete(node);
    });
    this.#outgoing.set(node, link);
    return link;
  }

  /** Whether a node's daemon answers now, which a link from before does not tell; if not, why. */
  async probe(node: string): Promise<TeesError | undefined> {
    try {
      const link = await this.#open(node, () => {});
      link.close();
      return undefined;
    } catch (error) {
      return TeesError.from(error, 'NODE_UNREACHABLE', { node });
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

  /** @param onClosed when it is of no more use, or came to nothing */
  #open(node: string, onClosed: () => void): Promise<Link> {
    const { host, port } = this.options.address(node);
    return new Promise((resolve, reject) => {
      const fail = (cause: TeesError | undefined): void =>
        reject(this.#unreachable(node, `${host}:${port}`, cause));
      let deadline: NodeJS.Timeout | undefined;
      const dial = (onread: OnReadOpts): Socket => {
        const socket = connect({ host, port, onread });
        deadline = setTimeout(() => {
          socket.destroy(new Error(`no answer within ${CONNECT_DEADLINE_MS / 1000} s`));
        }, CONNECT_DEADLINE_MS);
        return socket.once('connect', () => clearTimeout(deadline));
      };
      const link = new Link(
        dial,
        new Connector(this.options.key, this.options.self, node),
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
