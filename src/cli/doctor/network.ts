/** Other nodes, as far as this one reaches them: whether their daemons answer, and what time they have. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Connector } from '../../wire/authentication.js';
import { FrameDecoder, encodeFrame } from '../../wire/frame.js';
import { fail, ok, warn } from './finding.js';
import type { Finding } from './finding.js';
import type { Patient } from './patient.js';

const CONNECT_DEADLINE_MS = 2000;
const NODES_CALLED_MAX = 64;
/** From here on logs of different nodes are hard to read together. */
const APART_MS = 1_000;
/** munge(7), CLOCK SKEW: a credential is good for five minutes. */
const TOO_FAR_APART_MS = 240_000;
const NAMED_MAX = 4;
const HINT = 'Do the nodes set their clocks, by chrony or the like?';

interface Called {
  readonly name: string;
  readonly address: string;
}

export async function nodes({ config, sameNetwork }: Patient): Promise<Finding[]> {
  if (!sameNetwork) return [];
  const called = computeNodes(config);
  const answers = await Promise.all(
    called.map(async ({ name, address }) => ({ name, why: await call(address, config.port) })),
  );
  const silent = answers.filter(({ why }) => why !== undefined);
  const value = `${called.length - silent.length} of ${called.length} answer on port ${config.port}`;
  if (silent.length === 0) return [ok('nodes', value)];
  const named = silent.slice(0, NAMED_MAX).map(({ name, why }) => `${name}: ${why}`);
  return [warn('nodes', value, `${named.join('; ')}. Is the node up, its daemon running, the port open?`)];
}

/** Of a compute node against the login node's, where that listens; of the login node against those of the others. */
export async function clocks({ config, role, node, sameNetwork }: Patient): Promise<Finding[]> {
  if (!sameNetwork) return [];
  const { login } = config.cluster;
  const called = role === 'login' ? computeNodes(config) : [login];
  const told = await Promise.all(
    called.map(async ({ name, address }) => ({
      name,
      offsetMs: await clockOffset(connect(config.port, address), node, name, config.authentication),
    })),
  );
  const known = told.filter((one): one is { name: string; offsetMs: number } => one.offsetMs !== undefined);
  return clockFindings(known);
}

/** Pure. */
export function clockFindings(
  offsets: readonly { readonly name: string; readonly offsetMs: number }[],
): Finding[] {
  if (offsets.length === 0) return [];
  const sorted = [...offsets].sort((a, b) => Math.abs(b.offsetMs) - Math.abs(a.offsetMs));
  const furthest = Math.abs(sorted[0]?.offsetMs ?? 0);
  const among = offsets.length === 1 ? `that of ${offsets[0]?.name}` : `those of ${offsets.length} nodes`;
  if (furthest < APART_MS) return [ok('clock', `within a second of ${among}`)];
  const named = sorted
    .filter(({ offsetMs }) => Math.abs(offsetMs) >= APART_MS)
    .slice(0, NAMED_MAX)
    .map(
      ({ name, offsetMs }) =>
        `${name} ${offsetMs > 0 ? 'ahead by' : 'behind by'} ${Math.round(Math.abs(offsetMs) / 1000)} s`,
    );
  const tell = furthest < TOO_FAR_APART_MS ? warn : fail;
  return [tell('clock', named.join(', '), HINT)];
}

function computeNodes({ cluster }: Patient['config']): Called[] {
  return [...cluster.nodes.values()].filter(({ role }) => role !== 'login').slice(0, NODES_CALLED_MAX);
}

/**
 * How far the clock of a daemon is ahead of this one's, to half of a round trip, as it says before anybody has proved anything.
 * Undefined when it does not say.
 */
function clockOffset(
  line: Socket,
  self: string,
  name: string,
  means: Patient['config']['authentication'],
): Promise<number | undefined> {
  const nobody = { means, prove: () => Buffer.alloc(0), check: () => {} };
  const decoder = new FrameDecoder();
  return new Promise((resolve) => {
    let askedMs = 0;
    const done = (offset: number | undefined): void => {
      line.destroy();
      resolve(offset);
    };
    line.setTimeout(CONNECT_DEADLINE_MS, () => done(undefined));
    line.once('connect', () => {
      askedMs = Date.now();
      line.write(encodeFrame(new Connector(nobody, self, name).hello()));
    });
    line.on('data', (bytes) => {
      try {
        for (const { header } of decoder.push(bytes))
          done(typeof header['now'] === 'number' ? header['now'] - (askedMs + Date.now()) / 2 : undefined);
      } catch {
        done(undefined);
      }
    });
    line.once('error', () => done(undefined)).once('close', () => done(undefined));
  });
}

/** @returns undefined when somebody listens; else why not */
export function call(hostOrPath: string, number?: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const line = number === undefined ? connect(hostOrPath) : connect(number, hostOrPath);
    const done = (why: string | undefined): void => {
      line.destroy();
      resolve(why);
    };
    line.setTimeout(CONNECT_DEADLINE_MS, () => done('no answer'));
    line.once('connect', () => done(undefined));
    line.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
  });
}
