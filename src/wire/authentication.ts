/**
 * How two daemons prove to each other that they know the cluster key, without showing it. Pure.
 *
 *   connector → acceptor   hello      who I am, whom I want, my nonce
 *   acceptor → connector   challenge  my nonce, my proof over both names and both nonces
 *   connector → acceptor   proof      mine
 *   acceptor → connector   welcome
 *
 * The proofs are HMAC-SHA256 under different labels, so that neither can be sent back as the other's, and
 * name both ends, so that one node's proof is worth nothing at another.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { TeesError } from '../base/errors.js';
import { Fields } from './fields.js';
import type { Header } from './frame.js';

export const PROTOCOL_VERSION = 2;
const NONCE_BYTES = 32;

interface Exchange {
  readonly connector: string;
  readonly acceptor: string;
  readonly connectorNonce: Buffer;
  readonly acceptorNonce: Buffer;
}

function proof(key: Buffer, label: 'connector' | 'acceptor', exchange: Exchange): Buffer {
  const mac = createHmac('sha256', key);
  const parts = [
    Buffer.from(`tees ${label} ${PROTOCOL_VERSION}`),
    Buffer.from(exchange.connector),
    Buffer.from(exchange.acceptor),
    exchange.connectorNonce,
    exchange.acceptorNonce,
  ];
  for (const part of parts) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    mac.update(length).update(part);
  }
  return mac.digest();
}

function agree(expected: Buffer, offered: Buffer): boolean {
  return expected.length === offered.length && timingSafeEqual(expected, offered);
}

function refuse(node: string): TeesError {
  return new TeesError('KEY_REJECTED', `the cluster key of ${node} differs from the one here`, {
    node,
    hint: 'Give every daemon of the cluster the same keyFile, then restart the daemon that has another.',
  });
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
    private readonly key: Buffer,
    private readonly self: string,
    private readonly target: string,
  ) {}

  hello(): Header {
    return { t: 'hello', version: PROTOCOL_VERSION, from: this.self, to: this.target, nonce: this.#nonce };
  }

  receive(header: Header): Step {
    const fields = new Fields(header);
    const type = fields.oneOf('t', ['challenge', 'welcome', 'refused']);
    if (type === 'refused') throw TeesError.fromRecord(fields.errorRecord('error'));
    if (type === 'welcome') {
      if (!this.#proved) throw refuse(this.target);
      return { peer: this.target };
    }
    const exchange = {
      connector: this.self,
      acceptor: this.target,
      connectorNonce: this.#nonce,
      acceptorNonce: fields.bytes('nonce', NONCE_BYTES),
    };
    const offered = fields.bytes('proof', 32);
    if (!agree(proof(this.key, 'acceptor', exchange), offered)) throw refuse(this.target);
    this.#proved = true;
    return { reply: { t: 'proof', proof: proof(this.key, 'connector', exchange) } };
  }
}

export class Acceptor {
  #exchange: Exchange | undefined;

  constructor(
    private readonly key: Buffer,
    private readonly self: string,
  ) {}

  receive(header: Header): Step {
    const fields = new Fields(header);
    if (!this.#exchange) return this.#challenge(fields);
    fields.oneOf('t', ['proof']);
    const { connector } = this.#exchange;
    if (!agree(proof(this.key, 'connector', this.#exchange), fields.bytes('proof', 32)))
      throw refuse(connector);
    return { reply: { t: 'welcome' }, peer: connector };
  }

  #challenge(fields: Fields): Step {
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
    this.#exchange = {
      connector: fields.text('from', 256),
      acceptor: this.self,
      connectorNonce: fields.bytes('nonce', NONCE_BYTES),
      acceptorNonce: randomBytes(NONCE_BYTES),
    };
    const nonce = this.#exchange.acceptorNonce;
    return { reply: { t: 'challenge', nonce, proof: proof(this.key, 'acceptor', this.#exchange) } };
  }
}
