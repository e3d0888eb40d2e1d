/** What a private environment costs: to start, to join, to stop, and to work in; beside bubblewrap, Charliecloud and podman. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, TeesError } from '../../src/base/errors.js';
import { askKeeper } from '../../src/cli/ask-keeper.js';
import { wrap } from '../../src/report/units.js';
import { Stand, USER } from '../environment/stand.js';
import { AIMS, INSIDE, WAYS } from '../environment/ways.js';
import type { Way } from '../environment/ways.js';
import { median } from '../trial.js';
import type { Trial, TrialContext } from '../trial.js';

const ROUNDS = { full: 7, quick: 2 } as const;
const STARTS = { full: 20, quick: 5 } as const;
const FILES = { full: 20_000, quick: 2_000 } as const;
const MANY = { full: 50, quick: 10 } as const;
const SMALL_FILES = '/usr/share';
const COLUMNS = 80;

interface Measured {
  /** Microseconds. */
  start: number[];
  compile: number[];
  /** A second. */
  stats: number[];
  reads: number[];
  failure?: string;
}

export const trial: Trial = async (context) => {
  const stand = await Stand.prepare(context);
  const results = new Map(WAYS.map(({ name }) => [name, { start: [], compile: [], stats: [], reads: [] }]));
  const rounds = context.quick ? ROUNDS.quick : ROUNDS.full;
  for (let round = 1; round <= rounds; round++)
    for (const way of WAYS) {
      const measured = results.get(way.name) as Measured;
      if (measured.failure !== undefined) continue;
      try {
        await measure(context, stand, way, measured);
        context.say(`round ${round} of ${rounds}, ${way.title}`);
      } catch (error) {
        // One that cannot run here is a result.
        measured.failure = describeError(TeesError.from(error, 'TRIAL_FAILED'));
        context.say(measured.failure);
      }
    }
  const stops = await measureStops(stand, context.quick ? STARTS.quick : STARTS.full);
  const memory = await measureMemory(stand, context.quick ? MANY.quick : MANY.full);
  return {
    text: [...table(results), '', ...verdict(results, stops, memory)].join('\n'),
    facts: { results: Object.fromEntries(results), stops, memory },
  };
};

async function measure({ quick }: TrialContext, stand: Stand, way: Way, measured: Measured): Promise<void> {
  measured.start.push(...(await stand.time(way, ['/bin/true'], quick ? STARTS.quick : STARTS.full)));
  if (!INSIDE.includes(way.name)) return;
  const { stats, reads } = await stand.inside(way, SMALL_FILES, quick ? FILES.quick : FILES.full);
  measured.stats.push(stats);
  measured.reads.push(reads);
  const compile = `echo 'int main(void){return 0;}' | gcc -O2 -x c - -o /tmp/tees-bench-$$ && rm /tmp/tees-bench-$$`;
  measured.compile.push(...(await stand.time(way, ['/bin/sh', '-c', compile], 1)));
}

/** Milliseconds from the request until nothing of it is left. */
async function measureStops(stand: Stand, count: number): Promise<number[]> {
  const [, , socket = ''] = stand.tools.enter;
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    await askKeeper(socket, [`user=${USER.uid}`, 'start', 'default']);
    const began = performance.now();
    await askKeeper(socket, [`user=${USER.uid}`, 'stop', 'default']);
    times.push(performance.now() - began);
  }
  return times;
}

/** Bytes for each of many: of its processes, shared pages by their part; and of the kernel, as far as MemAvailable shows it. */
async function measureMemory(stand: Stand, count: number): Promise<{ processes: number; all: number }> {
  const [, , socket = ''] = stand.tools.enter;
  const names = Array.from({ length: count }, (_, index) => `memory-${index}`);
  const before = availableBytes();
  const known = new Set(keepers());
  for (const name of names) await askKeeper(socket, [`user=${USER.uid}`, 'start', name]);
  const after = availableBytes();
  const processes = keepers().filter((pid) => !known.has(pid));
  const bytes = processes.reduce((sum, pid) => sum + pssOf(pid), 0);
  for (const name of names) await askKeeper(socket, [`user=${USER.uid}`, 'delete', name]);
  return { processes: bytes / count, all: Math.max(0, before - after) / count };
}

function availableBytes(): number {
  return 1024 * Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
}

function keepers(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(join('/proc', pid, 'comm'), 'utf8') === 'tees-keep\n';
    } catch {
      return false;
    }
  });
}

function pssOf(pid: string): number {
  try {
    return (
      1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(join('/proc', pid, 'smaps_rollup'), 'utf8'))?.[1])
    );
  } catch {
    return 0;
  }
}

function table(results: ReadonlyMap<string, Measured>): string[] {
  const text =
    'Milliseconds from fork to the end of /bin/true, and of compiling a small C program; how many files are looked at (stat), and ' +
    'how many small ones opened, read and closed, in a second, the second time. Medians, and all as parts of the command alone. ' +
    'podman is only started: its end cannot be waited for without systemd.';
  const plain = results.get('plain') as Measured;
  const cell = (value: number, digits: number): string => (Number.isNaN(value) ? '' : value.toFixed(digits));
  const rows = WAYS.map(({ name, title }) => {
    const { start, compile, stats, reads, failure } = results.get(name) as Measured;
    if (failure !== undefined) return `${title.padEnd(20)}${failure.slice(0, COLUMNS - 20)}`;
    return [
      title.padEnd(20),
      cell(median(start) / 1000, 2).padStart(9),
      cell(median(compile) / 1000, 1).padStart(9),
      cell(median(stats) / 1000, 0).padStart(10),
      cell(median(stats) / median(plain.stats), 2).padStart(6),
      cell(median(reads) / 1000, 0).padStart(10),
      cell(median(reads) / median(plain.reads), 2).padStart(6),
    ].join('');
  });
  const head = `${''.padEnd(20)}${'start'.padStart(9)}${'compile'.padStart(9)}${'stat k/s'.padStart(10)}${''.padStart(6)}${'read k/s'.padStart(10)}`;
  return [...wrap(text, COLUMNS), '', head, ...rows];
}

function verdict(
  results: ReadonlyMap<string, Measured>,
  stops: readonly number[],
  memory: { processes: number; all: number },
): string[] {
  const of = (name: string): number => median((results.get(name) as Measured).start);
  const ratio = of('start') / of('bwrap');
  const said = ratio <= AIMS.startOverBwrap ? 'Met' : 'Missed';
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(2);
  return [
    `${said}: TEES starts in ${ratio.toFixed(2)} times bubblewrap's time (aim: ${AIMS.startOverBwrap}).`,
    `It joins one that runs in ${(of('join') / of('bwrap')).toFixed(2)} times that, and stops one in ${median(stops).toFixed(1)} ms.`,
    `An environment takes ${mib(memory.processes)} MiB in its processes, and ${mib(memory.all)} MiB in all.`,
  ];
}
