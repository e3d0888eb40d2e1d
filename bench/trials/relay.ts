/**
 * What a relay costs: one node's daemon that takes a stream, verifies, keeps and passes it on to 1, 2, 8 and 15 children,
 * all on loopback, against iperf3, which moves as many bytes as often and does nothing else.
 */
import { execFileSync, fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wrap } from '../../src/report/units.js';
import { parseTicks } from '../deploy/processors.js';
import { Iperf } from '../relay/iperf.js';
import type { Cost } from '../relay/iperf.js';
import { feed } from '../relay/source.js';
import type { Feed } from '../relay/source.js';
import { median } from '../trial.js';
import type { Trial, TrialContext } from '../trial.js';

const CHILDREN = [1, 2, 8, 15];
/** Of 256 KiB. */
const CHUNKS = { full: 1024, quick: 256 } as const;
const ROUNDS = { full: 3, quick: 1 } as const;
const TICKS_PER_SECOND = 100;
const COLUMNS = 80;

interface Measured {
  readonly children: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Of the relay's process. */
  readonly processorSeconds: number;
  readonly peakBytes: number;
  readonly iperf: Cost;
}

export const trial: Trial = async (context) => {
  const iperf = await Iperf.prepare((text) => context.say(text));
  const store = mkdtempSync(join(tmpdir(), 'tees-relay-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0700', 'tees-relay', store]);
  context.cleanup.push('the store', () => {
    execFileSync('umount', ['-l', store]);
    rmdirSync(store);
  });
  const rounds = context.quick ? ROUNDS.quick : ROUNDS.full;
  const results: Measured[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const children of CHILDREN) {
      const cost = await iperf.measure(children, await freePort());
      const measured = await relay(context, store, children, cost);
      results.push(measured);
      context.say(
        `round ${round} of ${rounds}, ${children} children: ${measured.processorSeconds.toFixed(2)} s of a processor`,
      );
    }
  return { text: table(results), facts: { results } };
};

/** A new process each time: its memory is its own. */
async function relay(context: TrialContext, store: string, children: number, iperf: Cost): Promise<Measured> {
  const [key, port, childrenPort] = [randomBytes(32), await freePort(), await freePort()];
  const secret = key.toString('hex');
  const sink = await start('children', [secret, String(childrenPort), String(children)]);
  context.cleanup.push('the children', () => void sink.kill('SIGKILL'));
  const daemon = await start('relay', [store, secret, String(port), String(childrenPort)]);
  context.cleanup.push('the relay', () => void daemon.kill('SIGKILL'));
  // The first ones compile it, and do not count.
  for (const job of ['warm-1', 'warm-2'])
    await through(sink, feed(job, key, port, children, CHUNKS.quick / 2));
  const before = ticksOf(daemon);
  const measured = feed('measured', key, port, children, context.quick ? CHUNKS.quick : CHUNKS.full);
  const seconds = await through(sink, measured);
  const processorSeconds = (ticksOf(daemon) - before) / TICKS_PER_SECOND;
  const peakBytes = peakOf(daemon);
  for (const child of [daemon, sink]) {
    child.kill(child === daemon ? 'SIGTERM' : 'SIGKILL');
    await once(child, 'exit');
  }
  return { children, bytes: measured.bytes, seconds, processorSeconds, peakBytes, iperf };
}

/** @returns seconds until all have everything */
async function through(sink: ChildProcess, stream: Feed): Promise<number> {
  sink.send(stream.units);
  const began = performance.now();
  await stream.run();
  const seconds = (performance.now() - began) / 1000;
  await stream.end();
  return seconds;
}

async function start(name: string, argv: readonly string[]): Promise<ChildProcess> {
  const child = fork(new URL(`../relay/${name}.js`, import.meta.url), argv, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}

function ticksOf({ pid }: ChildProcess): number {
  return parseTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

function peakOf({ pid }: ChildProcess): number {
  const [, kib = '0'] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What iperf3 takes of a processor to receive that once and send it so often. */
function bound({ children, bytes, iperf }: Measured): number {
  return (bytes / 1e9) * (iperf.receiving + children * iperf.sending);
}

function table(results: readonly Measured[]): string {
  const rows = CHILDREN.map((children) => {
    const of = (value: (one: Measured) => number): number =>
      median(results.filter((one) => one.children === children).map(value));
    const sent = (one: Measured): number => (children * one.bytes) / 1e9;
    return [
      String(children).padStart(8),
      of((one) => one.bytes / 1e6 / one.seconds)
        .toFixed(0)
        .padStart(9),
      of((one) => sent(one) / one.processorSeconds)
        .toFixed(2)
        .padStart(11),
      of((one) => 1 / (one.iperf.sending + one.iperf.receiving))
        .toFixed(2)
        .padStart(9),
      of((one) => one.processorSeconds / sent(one))
        .toFixed(2)
        .padStart(11),
      of((one) => bound(one) / sent(one))
        .toFixed(2)
        .padStart(9),
      of((one) => bound(one) / one.processorSeconds)
        .toFixed(2)
        .padStart(8),
      of((one) => one.peakBytes / 2 ** 20)
        .toFixed(0)
        .padStart(9),
    ].join('');
  });
  const text =
    'One node’s daemon takes a stream, verifies it by SHA-256, keeps it in memory and sends it on, on loopback. MB/s in; ' +
    'GB sent on for each second of a processor that the daemon takes, and what iperf3 moves from one process to another ' +
    'with as many streams for each second of both; seconds of a processor for each GB sent on, and what iperf3 takes to ' +
    'receive as much once and send it as often; that as a part of the relay’s; its largest resident memory in MiB. The ' +
    'source and the children share the two processors, and are not counted.';
  return [
    ...wrap(text, COLUMNS),
    '',
    'children  MB/s in  GB/CPU s   iperf3   CPU s/GB   iperf3    part   memory',
    ...rows,
  ].join('\n');
}
