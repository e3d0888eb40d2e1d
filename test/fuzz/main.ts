/** `npm run fuzz -- --frames N --seed S`: as root, because a node's store is a mount. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.js';
import type { FuzzResult } from './fuzz.js';

const MIB = 2 ** 20;

const { values } = parseArgs({ options: { frames: { type: 'string' }, seed: { type: 'string' } } });
const frames = Number(values.frames ?? 1_000_000);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const place = mkdtempSync(join(tmpdir(), 'tees-fuzz-'));
execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'tees-fuzz', place]);
process.stdout.write(`seed ${seed}: ${frames} frames\n`);
try {
  const result = await fuzz({
    ...{ place, seed, frames, seconds: Infinity },
    onProgress: ({ frames: done }) => void process.stderr.write(`${done}\n`),
  });
  process.stdout.write(describe(result));
  process.exitCode = result.violations.length > 0 ? 1 : 0;
} finally {
  execFileSync('umount', ['-R', '-l', place]);
  rmdirSync(place);
}

function describe({
  frames: done,
  seconds,
  taken,
  refused,
  cut,
  violations,
  early,
  late,
}: FuzzResult): string {
  const reasons = [...refused]
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => `  ${String(count).padStart(9)}  ${code}`);
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
  return [
    `${done} frames in ${seconds.toFixed(0)} s: ${taken} taken, ${cut} cut short, refused with a reason:`,
    ...reasons,
    `memory after a tenth of them and at the end: ${mib(early.rssBytes)} and ${mib(late.rssBytes)} MiB, of that heap ` +
      `${mib(early.heapBytes)} and ${mib(late.heapBytes)}; descriptors ${early.descriptors} and ${late.descriptors}`,
    ...violations.map((violation) => `VIOLATION ${violation}`),
    '',
  ].join('\n');
}
