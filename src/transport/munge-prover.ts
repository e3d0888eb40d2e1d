/**
 * Daemons know each other by the site's munge: what is to be proved goes into a credential that munged of this node signs in
 * root's name, and munged of the other node opens (munge(7)). It is refused when anybody else than root has made it, when it is
 * old, when it has been opened before, and when it says something else than this handshake, whose nonces it names.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { TeesError } from '../base/errors.js';
import type { Prover } from '../wire/authentication.js';

const DEADLINE_MS = 4_000;
/** A handshake is over within seconds; munged allows for clocks that are a little apart (munge(7), CLOCK SKEW). */
const TIME_TO_LIVE_S = 60;
/** Whoever connects has a credential made before it has proved anything: that must not cost more than this. */
const AT_ONCE_MAX = 4;
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
  readonly #uid = process.geteuid?.() ?? 0;
  readonly means = 'munge';
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(private readonly options: MungeOptions) {}

  /** @throws TeesError MUNGE_SILENT */
  async prove(statement: Buffer): Promise<Buffer> {
    const restriction = [`--restrict-uid=${this.#uid}`, `--ttl=${TIME_TO_LIVE_S}`];
    const { status, stdout, stderr } = await this.#run('munge', [
      `--string=${digest(statement)}`,
      ...restriction,
    ]);
    if (status !== 0) throw this.#silent(stderr);
    return Buffer.from(stdout.trim());
  }

  /** @throws TeesError CREDENTIAL_REJECTED, MUNGE_SILENT */
  async check(statement: Buffer, proof: Buffer, node: string): Promise<void> {
    const credential = proof.toString('latin1');
    if (!CREDENTIAL.test(credential)) throw rejected(node, 'it is none');
    const opened = ['--metadata=-', '--keys=STATUS,UID', '--output=-'];
    const { status, stdout, stderr } = await this.#run('unmunge', opened, credential);
    const { state, uid, said } = readCredential(stdout);
    if (status >= REFUSED.first && status <= REFUSED.last)
      throw rejected(node, state || stderr.replace(/^unmunge: (Error: )?/, ''));
    if (status !== 0) throw this.#silent(stderr);
    if (uid !== this.#uid) throw rejected(node, `uid ${uid} has made it`);
    if (said !== digest(statement)) throw rejected(node, 'it is of another handshake');
  }

  #silent(why: string): TeesError {
    const { self } = this.options;
    return new TeesError('MUNGE_SILENT', `munge of ${self} does not answer: ${why.trim()}`, {
      node: self,
      hint: HINT,
    });
  }

  async #run(command: string, argv: readonly string[], input: string = ''): Promise<Result> {
    if (this.#running >= AT_ONCE_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    const { socket } = this.options;
    const where = socket === undefined ? [] : [`--socket=${socket}`];
    try {
      return await run(command, [...where, ...argv], input);
    } catch (error) {
      throw this.#silent((error as Error).message);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Rejects when it cannot be run, or takes too long. */
function run(command: string, argv: readonly string[], input: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, argv, { timeout: DEADLINE_MS }, (error, stdout, stderr) => {
      const status = error?.code;
      if (!error) resolve({ status: 0, stdout, stderr });
      else if (typeof status === 'number') resolve({ status, stdout, stderr });
      else reject(error.killed ? new Error(`no answer within ${DEADLINE_MS / 1000} s`) : error);
    });
    // It may have ended without reading.
    child.stdin?.on('error', () => {}).end(input);
  });
}

function digest(statement: Buffer): string {
  return createHash('sha256').update(statement).digest('hex');
}

/** What unmunge says: a line for each key, with a number in brackets; an empty line; and the payload. Pure. */
export function readCredential(text: string): {
  readonly state: string;
  readonly uid: number;
  readonly said: string;
} {
  const [, state = '', uid = '-1', said = ''] =
    /^STATUS:\s+(.*) \([0-9]+\)\nUID:\s+.* \(([0-9]+)\)\n\n([^]*)$/.exec(text) ?? [];
  return { state, uid: Number(uid), said: said.trim() };
}

function rejected(node: string, why: string): TeesError {
  return new TeesError('CREDENTIAL_REJECTED', `the munge credential of ${node} is refused: ${why.trim()}`, {
    node,
    hint: HINT,
  });
}
