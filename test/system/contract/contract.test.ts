/**
 * The one contract: whatever hook, engine and layout an environment has, a program whose files are missing at first
 * sees what it would see had everything been copied before.
 */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scanLayer } from '../../../src/scan/scan.js';
import type { LayerSource } from '../../../src/scan/source.js';
import { LAYOUTS, makeNodeDirectory, makeStore, makeUpper } from '../environment/fixture.js';
import { whyNoMounts } from '../serving/served.js';
import { VARIANTS, observeCopied, observeServed } from './environments.js';
import type { Observed, Trial } from './environments.js';
import { compilePrograms, fillLayer, fillNode } from './layer.js';
import { TABLE_PATH, differing, knownReason, renderTable } from './table.js';

interface Prepared {
  readonly operations: readonly string[];
  readonly source: LayerSource;
  readonly expected: Observed;
  readonly trial: Trial;
}

async function prepare(t: ExecutionContext, node: string): Promise<Prepared> {
  const programs = makeStore(t);
  await compilePrograms(programs);
  const program = join(programs, 'operations');
  const operations = execFileSync(program, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  fillNode(node, operations);
  copyFileSync(program, join(node, 'operations'));
  chmodSync(join(node, 'operations'), 0o755);
  const upper = makeUpper(t);
  fillLayer(upper, node, programs, operations);
  const source = await scanLayer(upper);
  t.teardown(() => source.close());
  const trial = { node, count: operations.length };
  return { operations, source, trial, expected: await observeCopied(t, upper, trial) };
}

/** What of each variant differs without a known reason, in words. */
function unexpected(variant: string, { operations, expected }: Prepared, observed: Observed): string[] {
  return operations.flatMap((operation, place) => {
    const [wanted = '', seen = ''] = [expected[place], observed[place]];
    if (wanted === seen || knownReason(operation, variant) !== undefined) return [];
    const [before, after] = [wanted.split('; '), seen.split('; ')];
    const at = before.findIndex((part, i) => part !== after[i]);
    const around = (parts: readonly string[]): string =>
      parts.slice(Math.max(0, at - 1), at === -1 ? undefined : at + 3).join('; ');
    return [`${variant}: ${operation}: ${around(after)}\n    copied: ${around(before)}`];
  });
}

/** They look at names only, or take the content away. */
const NEED_NOTHING = ['stat, access', 'readdir', 'O_TRUNC'];

const why = whyNoMounts ?? (LAYOUTS.length < 2 ? 'the kernel has no data-only layers' : undefined);
const contractTest = why === undefined ? test : test.skip;

contractTest(`every operation is as in a copied environment${why ? ` (skipped: ${why})` : ''}`, async (t) => {
  t.timeout(120_000);
  const node = makeNodeDirectory(t);
  if (node === undefined) {
    t.log('skipped: every writable directory is on another file system than /');
    return t.pass();
  }
  const prepared = await prepare(t, node);
  const { operations, expected, source, trial } = prepared;
  t.deepEqual(
    expected.filter((said) => /^(ended with|nothing was said|$)/.test(said)),
    [],
    'every operation comes to its end when everything is there',
  );
  const results = new Map<string, readonly string[]>();
  const wrong: string[] = [];
  await Promise.all(
    VARIANTS.map(async (variant) => {
      results.set(variant.name, []);
      const { observed, waited } = await observeServed(t, source, variant, trial);
      const without = operations.filter((name, place) => !waited.has(place) && !NEED_NOTHING.includes(name));
      t.deepEqual(without, [], `${variant.name}: operations that met no missing file`);
      results.set(variant.name, differing(operations, expected, observed));
      wrong.push(...unexpected(variant.name, prepared, observed));
    }),
  );
  t.deepEqual(wrong, [], wrong.join('\n'));
  const table = renderTable(operations, results);
  if (process.env['TEES_WRITE_CONTRACT'] === '1') writeFileSync(TABLE_PATH, table);
  t.is(readFileSync(TABLE_PATH, 'utf8'), table, 'write it again with TEES_WRITE_CONTRACT=1');
});
