/**
 * How two daemons prove to each other that they are of one cluster. Pure, but for what the prover does.
 *
 *   connector → acceptor   hello      who I am, whom I want, my nonce
 *   acceptor → connector   challenge  my nonce, my proof over both names and both nonces; what time it is here, for who compares
 *   connector → acceptor   proof      mine
 *   acceptor → connector   welcome
 *
 * What is proved has different labels, so that no proof can be sent back as the other's, and names both ends, so that one
 * node's proof is worth nothing at another.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { TeesError } from '../base/errors.js';
import type { Authentication } from '../config/config.js';
import { Fields } from './fields.js';
import type { Header } from './frame.js';

export const PROTOCOL_VERSION = 3;
const NONCE_BYTES = 32;
const PROOF_MAX_BYTES = 2048;
const MEANS_MAX = 32;

/** By what daemons of a cluster know each other. */
export interface Prover {
  readonly means: Authentication;
  /** @param statement what is proved: without this end's nonce nobody could have known it */
  prove(statement: Buffer): Buffer | Promise<Buffer>;
  /**
   * @param node who says that it is the other end
   * @throws TeesError why this is no proof of it: KEY_REJECTED, CREDENTIAL_REJECTED, MUNGE_SILENT
   */
  check(statement: Buffer, proof: Buffer, node: string): void | Promise<void>;
}

/** Who has the cluster key proves it without showing it: HMAC-SHA256. */
export function keyProver(key: Buffer): Prover {
  const prove = (statement: Buffer): Buffer => createHmac('sha256', key).update(statement).digest();
  return {
    means: 'key',
    prove,
    check(statement, proof, node) {
      const expected = prove(statement);
      if (expected.length !== proof.length || !timingSafeEqual(expected, proof)) throw refuse(node);
    },
  };
}

function refuse(node: string): TeesError {
  return new TeesError('KEY_REJECTED', `the cluster key of ${node} differs from the one here`, {
    node,
    hint: 'Give every daemon of the cluster the same keyFile, then restart the daemon that has another.',
  });
}

interface Exchange {
  readonly connector: string;
  readonly acceptor: string;
  readonly connectorNonce: Buffer;
  readonly acceptorNonce: Buffer;
}

function statement(label: 'connector' | 'acceptor', exchange: Exchange): Buffer {
  const parts = [
    Buffer.from(`tees ${label} ${PROTOCOL_VERSION}`),
    Buffer.from(exchange.connector),
    Buffer.from(exchange.acceptor),
    exchange.connectorNonce,
    exchange.acceptorNonce,
  ];
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
}

/** What either side does with a frame: answer it, and perhaps be done. */
export interface Step {
  readonly reply?: Header;
  /** Authenticated: the name of the other end. */
  readonly peer?: string;
}

export class Connector {
  readonly #nonce = randomBytes(NONCE_BYTES);
  #proved = false;

  constructor(
    private readonly prover: Prover,
    private readonly self: string,
    private readonly target: string,
  ) {}

  hello(): Header {
    return {
      t: 'hello',
      version: PROTOCOL_VERSION,
      means: this.prover.means,
      from: this.self,
      to: this.target,
      nonce: this.#nonce,
    };
  }

  async receive(header: Header): Promise<Step> {
    const fields = new Fields(header);
    const type = fields.oneOf('t', ['challenge', 'welcome', 'refused']);
    if (type === 'refused') throw TeesError.fromRecord(fields.errorRecord('error'));
    if (type === 'welcome') {
      if (!this.#proved) {
        const node = this.target;
        throw new TeesError('AUTHENTICATION_FAILED', `${node} has proved nothing`, { node });
      }
      return { peer: this.target };
    }
    const exchange = {
      connector: this.self,
      acceptor: this.target,
      connectorNonce: this.#nonce,
      acceptorNonce: fields.bytes('nonce', NONCE_BYTES),
    };
    await this.prover.check(statement('acceptor', exchange), offered(fields), this.target);
    this.#proved = true;
    return { reply: { t: 'proof', proof: await this.prover.prove(statement('connector', exchange)) } };
  }
}

export class Acceptor {
  #exchange: Exchange | undefined;

  /** @param now milliseconds since 1970 */
  constructor(
    private readonly prover: Prover,
    private readonly self: string,
    private readonly now: () => number = Date.now,
  ) {}

  async receive(header: Header): Promise<Step> {
    const fields = new Fields(header);
    if (!this.#exchange) return this.#challenge(fields);
    fields.oneOf('t', ['proof']);
    const { connector } = this.#exchange;
    await this.prover.check(statement('connector', this.#exchange), offered(fields), connector);
    return { reply: { t: 'welcome' }, peer: connector };
  }

  async #challenge(fields: Fields): Promise<Step> {
    fields.oneOf('t', ['hello']);
    const version = fields.count('version');
    if (version !== PROTOCOL_VERSION) {
      throw new TeesError(
        'VERSION_MISMATCH',
        `protocol ${version} is not spoken here, only ${PROTOCOL_VERSION}`,
        {
          node: this.self,
          hint: 'Install the same version of TEES on every node.',
        },
      );
    }
    const target = fields.text('to', 256);
    if (target !== this.self) {
      throw new TeesError('NODE_MISADDRESSED', `${target} was called, but this is ${this.self}`, {
        node: this.self,
        hint: `Check the address of ${target} in the configuration.`,
      });
    }
    this.#checkMeans(fields.text('means', MEANS_MAX));
    this.#exchange = {
      connector: fields.text('from', 256),
      acceptor: this.self,
      connectorNonce: fields.bytes('nonce', NONCE_BYTES),
      acceptorNonce: randomBytes(NONCE_BYTES),
    };
    const proof = await this.prover.prove(statement('acceptor', this.#exchange));
    return { reply: { t: 'challenge', nonce: this.#exchange.acceptorNonce, proof, now: this.now() } };
  }

  /** Nobody has a choice: that the other end says it is only for the message. */
  #checkMeans(means: string): void {
    const mine = this.prover.means;
    if (means === mine) return;
    throw new TeesError('AUTHENTICATION_DIFFERS', `${this.self} expects authentication by ${mine}`, {
      node: this.self,
      hint: 'Give every daemon of the cluster the same authentication in its configuration.',
    });
  }
}

function offered(fields: Fields): Buffer {
  return fields.bytes('proof', PROOF_MAX_BYTES);
}
