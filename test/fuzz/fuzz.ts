/** Hostile frames against real daemons: nothing crashes, nothing grows, each is taken or refused with a reason. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { seededRandom } from '../../src/topology/random.js';
import { Links } from '../../src/transport/links.js';
import { askDaemon } from '../../src/cli/ask-daemon.js';
import { keyProver } from '../../src/wire/authentication.js';
import { NODE, freePort, jobMessage, shipmentOf } from '../support/lone-node.js';
import { directory, file, manifestOf } from '../support/manifest-parts.js';
import { eventually } from '../support/tees.js';
import { Attacker } from './attack.js';
import type { Outcomes } from './attack.js';
import { Mutator } from './mutator.js';
import type { Sample } from './mutator.js';
import { LOGIN_SAMPLES, nodeSamples } from './samples.js';
import type { Holdings } from './target.js';

export interface FuzzOptions {
  /** On a file system of its own, as a node's store wants it. */
  readonly place: string;
  readonly seed: number;
  readonly frames: number;
  readonly seconds: number;
  readonly onProgress?: (outcomes: Outcomes) => void;
}

export interface FuzzResult extends Outcomes {
  readonly seconds: number;
  /** After a tenth of all, and at the end. */
  readonly early: Holdings;
  readonly late: Holdings;
}

/** Attackers of each kind at a time. */
const NODE_ATTACKERS = 12;
const STRANGERS = 2;
const COMMANDS = 4;
/** Of loopback, one after the other: each has its own ports, and those of closed connections rest for a while. */
const SOURCES = 200;

export async function fuzz({ place, seed, frames, seconds, onProgress }: FuzzOptions): Promise<FuzzResult> {
  const [key, port] = [randomBytes(32), await freePort()];
  mkdirSync(place, { recursive: true });
  const target = fork(new URL('./target.js', import.meta.url), [place, key.toString('hex'), String(port)], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let gone = '';
  target.once('exit', (code, signal) => (gone = `the daemons have ended: ${String(code ?? signal)}`));
  const outcomes: Outcomes = { frames: 0, taken: 0, refused: new Map(), cut: 0, violations: [] };
  try {
    await once(target, 'message');
    const startedMs = performance.now();
    const elapsed = (): number => (performance.now() - startedMs) / 1000;
    let early: Holdings | undefined;
    const isOver = (): boolean =>
      outcomes.frames >= frames || elapsed() > seconds || outcomes.violations.length > 0 || gone !== '';
    const attackers = makeAttackers(seed, port, place, key, outcomes);
    const timer = setInterval(() => onProgress?.(outcomes), 5000);
    await Promise.all(
      attackers.map(async (attacker) => {
        while (!isOver()) {
          await attacker.attack();
          const part = Math.max(outcomes.frames / frames, elapsed() / seconds);
          if (!early && part > 0.1) early = await ((early = {} as Holdings), holdings(target));
        }
        attacker.close();
      }),
    );
    clearInterval(timer);
    const took = elapsed();
    if (gone) outcomes.violations.push(gone);
    else outcomes.violations.push(...(await honest(port, key, `${place}/login/run/tees.sock`)));
    const late = gone ? (early as Holdings) : await holdings(target);
    return { ...outcomes, seconds: took, early: early ?? late, late };
  } finally {
    if (!gone) {
      target.send('end');
      await once(target, 'exit');
    }
  }
}

function makeAttackers(
  seed: number,
  port: number,
  place: string,
  key: Buffer,
  outcomes: Outcomes,
): Attacker[] {
  let source = 0;
  const mutator = (index: number, samples: readonly Sample[]): Mutator =>
    new Mutator(seededRandom(seed + index), samples);
  const ofNode = (index: number, secret: Buffer | undefined): Attacker => {
    const job = `attacked-${index}`;
    return new Attacker(node, secret, job, mutator(index, nodeSamples(job)), outcomes);
  };
  const ofLogin = (index: number): Attacker => {
    const to = { path: `${place}/login/run/tees.sock` };
    return new Attacker(to, undefined, '', mutator(200 + index, LOGIN_SAMPLES), outcomes);
  };
  // A getter: each connection comes from the next address.
  const node = {
    host: '127.0.0.1',
    port,
    get localAddress(): string {
      return `127.0.1.${1 + (source++ % SOURCES)}`;
    },
  };
  return [
    ...Array.from({ length: NODE_ATTACKERS }, (_, i) => ofNode(i, key)),
    ...Array.from({ length: STRANGERS }, (_, i) => ofNode(100 + i, undefined)),
    ...Array.from({ length: COMMANDS }, (_, i) => ofLogin(i)),
  ];
}

async function holdings(target: ChildProcess): Promise<Holdings> {
  target.send('holdings');
  const [answer] = (await once(target, 'message')) as [Holdings];
  return answer;
}

/** After all that: a job runs, and a question is answered. @returns what is wrong */
async function honest(port: number, key: Buffer, socket: string): Promise<string[]> {
  const heard: Record<string, unknown>[] = [];
  const links = new Links({
    ...{ self: 'login', prover: keyProver(key), silenceDeadlineMs: 15_000 },
    address: () => ({ host: '127.0.0.1', port }),
    onFrame: (_link, { header }) => void heard.push(header),
    onClosed: () => {},
    onRefused: () => {},
  });
  try {
    const link = await links.connect(NODE);
    const layer = manifestOf(directory(''), directory('opt'), file('opt/text', 'good\n'));
    const { spec, document } = shipmentOf(layer, 'honest', { argv: ['cat', '/opt/text'] });
    link.post(jobMessage(spec));
    link.post({ t: 'unit', job: 'honest', unit: 0 }, document);
    link.post({ t: 'unit', job: 'honest', unit: 1 }, Buffer.from('good\n'));
    const events = (): Record<string, unknown>[] =>
      heard
        .filter(({ job }) => job === 'honest')
        .flatMap(({ events = [] }) => events as Record<string, unknown>[]);
    const end = await eventually('the end of an honest job', () =>
      events().find(({ event }) => event === 'exited' || event === 'failed'),
    );
    link.post({ t: 'end', job: 'honest' });
    await eventually(
      'its tear-down',
      () => heard.some(({ t, job }) => t === 'gone' && job === 'honest') || undefined,
    );
    await askDaemon(socket, { t: 'status' });
    return end['status'] === 0 ? [] : [`an honest job has ended so: ${JSON.stringify(end)}`];
  } catch (error) {
    return [`daemons that were attacked do not serve: ${String(error)}`];
  } finally {
    await links.close();
  }
}
