/**
 * Sends hostile frames, one after the other, and hears what becomes of each: it is taken, and a question behind it is
 * answered; or the connection is closed, with a reason in words.
 */
import { connect } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';
import { Connector, keyProver } from '../../src/wire/authentication.js';
import { FrameDecoder, encodeFrame } from '../../src/wire/frame.js';
import type { Header } from '../../src/wire/frame.js';
import { NODE, jobMessage } from '../support/lone-node.js';
import type { HostileFrame, Mutator } from './mutator.js';
import { attackedJob } from './samples.js';

export interface Outcomes {
  frames: number;
  taken: number;
  /** The reasons, by their codes. */
  readonly refused: Map<string, number>;
  /** Cut frames, of which nobody can tell what they would have become. */
  cut: number;
  /** What must not be. */
  readonly violations: string[];
}

/** A frame that is neither taken nor refused for so long is a violation. */
const ANSWER_DEADLINE_MS = 20_000;
const SENTINEL = 'sentinel';

export class Attacker {
  #socket: Socket | undefined;
  #heard: Header[] = [];
  #wake: () => void = () => {};

  /** @param authenticated whether it says who it is before it attacks */
  constructor(
    private readonly to: NetConnectOpts,
    private readonly key: Buffer | undefined,
    private readonly job: string,
    private readonly mutator: Mutator,
    private readonly outcomes: Outcomes,
  ) {}

  async attack(): Promise<void> {
    const frame = this.mutator.next();
    this.outcomes.frames++;
    const socket = this.#socket ?? (await this.#open());
    if (socket.destroyed) return this.#forget();
    this.#heard = [];
    socket.write(frame.bytes);
    if (frame.isCut) socket.end();
    else if (this.key) socket.write(question());
    await this.#until(() => socket.destroyed || this.#answered, frame);
    this.#judge(frame, socket.destroyed);
    if (frame.isCut || !this.key || socket.destroyed) this.#forget();
  }

  close(): void {
    this.#forget();
  }

  /** Authenticated, and with the job that is attacked known to the node as one that this is the parent of. */
  async #open(): Promise<Socket> {
    const socket = connect(this.to);
    this.#socket = socket;
    const decoder = new FrameDecoder();
    const connector = this.key && new Connector(keyProver(this.key), 'login', NODE);
    let isOpen = !connector;
    socket.on('error', () => {}).on('close', () => this.#wake());
    socket.on('data', (bytes) => {
      for (const { header } of decoder.push(bytes)) {
        if (isOpen || !connector) this.#heard.push(header);
        else {
          // The other end waits for each answer.
          void connector.receive(header).then(({ reply, peer }) => {
            if (reply) socket.write(encodeFrame(reply));
            isOpen = peer !== undefined;
            this.#wake();
          });
        }
      }
      this.#wake();
    });
    if (!connector) return socket;
    socket.write(encodeFrame(connector.hello()));
    await this.#until(() => isOpen || socket.destroyed, undefined);
    socket.write(encodeFrame(jobMessage(attackedJob(this.job).spec)));
    return socket;
  }

  /** A stranger, and a command, is answered by whatever comes. */
  get #answered(): boolean {
    if (!this.key) return this.#heard.length > 0;
    return this.#heard.some(({ t, job }) => t === 'gone' && job === SENTINEL);
  }

  #judge({ isCut, what }: HostileFrame, isClosed: boolean): void {
    const { outcomes } = this;
    const reason = this.#heard.find(({ t }) => t === 'refused' || t === 'over')?.['error'] as
      Header | undefined;
    const code = reason?.['code'];
    if (typeof code === 'string') outcomes.refused.set(code, (outcomes.refused.get(code) ?? 0) + 1);
    else if (this.#answered) outcomes.taken++;
    else if (isCut) outcomes.cut++;
    else if (isClosed) outcomes.violations.push(`closed without a reason after: ${what}`);
  }

  async #until(holds: () => boolean, frame: HostileFrame | undefined): Promise<void> {
    const deadline = setTimeout(() => {
      this.outcomes.violations.push(`neither taken nor refused: ${frame?.what ?? 'a greeting'}`);
      this.#socket?.destroy();
    }, ANSWER_DEADLINE_MS);
    while (!holds()) await new Promise<void>((resolve) => (this.#wake = resolve));
    clearTimeout(deadline);
  }

  #forget(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

/** About a job that nobody knows: it is answered in a moment, and changes nothing. */
function question(): Buffer {
  return encodeFrame({ ...jobMessage(attackedJob(SENTINEL).spec), again: true });
}
