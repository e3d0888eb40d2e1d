/**
 * Daemons know each other by the site's munge: what is to be proved goes into a credential that munged of this node signs in
 * root's name, and munged of the other node opens (munge(7)). It is refused when anybody else than root has made it, when it is
 * old, when it has been opened before, and when it says something else than this handshake, whose nonces it names.
 */
import { createHash } from 'node:crypto';
import { TeesError } from '../base/errors.js';
import { native } from '../base/native.js';
import type { MungeAnswer } from '../base/native.js';
import type { Prover } from '../wire/authentication.js';

/** A handshake is over within seconds; munged allows for clocks that are a little apart (munge(7), CLOCK SKEW). */
const TIME_TO_LIVE_S = 60;
/**
 * Whoever connects has a credential made before it has proved anything: that must not cost more than this. A munged that
 * hangs has no more of the daemon's worker threads, of which files need some.
 */
const AT_ONCE_MAX = 2;
/** munge.h: of what was wrong with a credential, and not with munge. */
const REFUSED = { first: 8, last: 18 } as const;
const CREDENTIAL = /^MUNGE:[A-Za-z0-9+/=]+:$/;
const HINT =
  'Does munged run on both nodes, with the same key, and are their clocks alike? See munge -n | unmunge.';

export interface MungeOptions {
  /** This node's name, for messages. */
  readonly self: string;
  /** Of munged, instead of where munge looks by itself. */
  readonly socket?: string;
}

export class MungeProver implements Prover {
  readonly means = 'munge';
  readonly #uid = process.geteuid?.() ?? 0;
  readonly #socket: Buffer;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(private readonly options: MungeOptions) {
    this.#socket = Buffer.from(options.socket ?? '');
  }

  /** @throws TeesError MUNGE_SILENT */
  async prove(statement: Buffer): Promise<Buffer> {
    const said = digest(statement);
    const encode = (): Promise<MungeAnswer> =>
      native().mungeEncode(this.#socket, said, this.#uid, TIME_TO_LIVE_S);
    const { status, reason, bytes } = await this.#inTurn(encode);
    if (status !== 0) throw this.#silent(reason);
    return bytes;
  }

  /** @throws TeesError CREDENTIAL_REJECTED, MUNGE_SILENT */
  async check(statement: Buffer, proof: Buffer, node: string): Promise<void> {
    if (!CREDENTIAL.test(proof.toString('latin1'))) throw rejected(node, 'it is none');
    const { status, reason, bytes, uid } = await this.#inTurn(() =>
      native().mungeDecode(this.#socket, proof),
    );
    if (status >= REFUSED.first && status <= REFUSED.last) throw rejected(node, reason);
    if (status !== 0) throw this.#silent(reason);
    if (uid !== this.#uid) throw rejected(node, `uid ${uid} has made it`);
    if (!bytes.equals(digest(statement))) throw rejected(node, 'it is of another handshake');
  }

  #silent(why: string): TeesError {
    const { self } = this.options;
    return new TeesError('MUNGE_SILENT', `munge of ${self} does not answer: ${why}`, {
      node: self,
      hint: HINT,
    });
  }

  async #inTurn<Value>(ask: () => Promise<Value>): Promise<Value> {
    if (this.#running < AT_ONCE_MAX) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await ask();
    } finally {
      // Whoever is next has this place, before anybody who comes now.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

function digest(statement: Buffer): Buffer {
  return Buffer.from(createHash('sha256').update(statement).digest('hex'));
}

function rejected(node: string, why: string): TeesError {
  return new TeesError('CREDENTIAL_REJECTED', `the munge credential of ${node} is refused: ${why}`, {
    node,
    hint: HINT,
  });
}
