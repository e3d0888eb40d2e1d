/** `npm run simulate`: many seeds for some time, or one of them again. */
import yargs from 'yargs';
import { describeFault } from './faults.js';
import { runOptions } from './options.js';
import { simulate } from './run.js';
import type { RunResult } from './run.js';

const { seed, runs, seconds, trace, jobs, nodes, groupSize, width, pieces, chunks, faults } = yargs(
  process.argv.slice(2),
)
  .scriptName('npm run simulate --')
  .usage('$0 [options]\n\nSimulates jobs with faults, and checks what must hold in each of them.')
  .option('seed', { type: 'number', describe: 'the first seed; by default another one each time' })
  .option('runs', { type: 'number', describe: 'so many seeds [1 when --seed is given]' })
  .option('seconds', { type: 'number', describe: 'seeds for so long [10]' })
  .option('nodes', { type: 'number', describe: 'of each run, as all below; by default the seed decides' })
  .option('jobs', { type: 'number', describe: 'at the same time' })
  .option('group-size', { type: 'number' })
  .option('width', { type: 'number', describe: 'children of a node, at most' })
  .option('pieces', { type: 'number', describe: 'of the document' })
  .option('chunks', { type: 'number', describe: 'of the layer' })
  .option('faults', { type: 'number', describe: 'how many' })
  .option('trace', { type: 'boolean', default: false, describe: 'prints what happens' })
  .strict()
  .parseSync();

const given = Object.fromEntries(
  Object.entries({ jobs, nodes, groupSize, width, pieces, chunks, faults }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  ),
);
const first = seed ?? Math.floor(Math.random() * 2 ** 31);
const isOne = seed !== undefined && seconds === undefined;
const last = first + (runs ?? (isOne ? 1 : Infinity));
const endMs = performance.now() + 1000 * (seconds ?? (runs === undefined && !isOne ? 10 : Infinity));

let [done, events, failed] = [0, 0, 0];
for (let next = first; next < last && performance.now() < endMs; next++) {
  const result = simulate(runOptions(next, given), trace ? (line) => console.log(line) : undefined);
  done++;
  events += result.events;
  if (result.violation !== undefined) failed++;
  if (result.violation !== undefined || isOne) report(result);
}
console.log(`${done} seeds from ${first}, ${events} events: ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function report({ options, violation, faults: plan, failure, lost, virtualMs, entries }: RunResult): void {
  const { jobs: several, nodes: count, groupSize: size, width: most, pieces: parts, chunks: units } = options;
  console.log(`seed ${options.seed}: ${violation ?? 'all held'}`);
  const at = several > 1 ? `${several} jobs on ` : '';
  console.log(`  ${at}${count} nodes in groups of ${size}, width ${most}; ${parts} pieces, ${units} chunks`);
  console.log(
    `  ${(virtualMs / 1000).toFixed(1)} s, ${lost} nodes lost${failure ? `, ended by ${failure}` : ''}`,
  );
  console.log(`  units came into a group ${entries.least} to ${entries.most} times`);
  for (const fault of plan) console.log(`  ${describeFault(fault)}`);
  if (violation === undefined) return;
  const words = Object.entries(given).map(([name, value]) => ` --${dashed(name)} ${value}`);
  console.log(`  again: npm run simulate -- --seed ${options.seed}${words.join('')} --trace`);
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
