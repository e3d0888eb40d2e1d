/**
 * What the hook costs who reads: each way to serve, as a ratio to a native overlay of the same tree, for files that
 * arrived before they were first opened, after it, and when all is complete. On this node alone, without a network;
 * the store, and the native copy, are on a tmpfs. Each measurement is a process and an environment of its own.
 */
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BY_HAND, MOMENTS, NATIVE, SIZES, WAYS } from '../hook/cases.js';
import type { Blocked, Measured, MomentName, Names, Order, Sizes } from '../hook/cases.js';
import { table } from '../hook/table.js';
import type { Results } from '../hook/table.js';
import { CLIENT, makeTree } from '../hook/tree.js';
import type { Trial, TrialContext } from '../trial.js';

const run = promisify(execFile);
/** Compiled, this file lies in build/bench/trials. */
const CLIENT_SOURCE = fileURLToPath(new URL('../../../bench/hook/client.c', import.meta.url));
const ROUND = fileURLToPath(new URL('../hook/round.js', import.meta.url));
const ROUND_DEADLINE_MS = 300_000;

export const trial: Trial = async (context) => {
  const sizes = context.quick ? SIZES.quick : SIZES.full;
  const store = await prepare(context, sizes);
  const clientBytes = statSync(join(store, 'client')).size;
  const measure = <Answer>(kind: Order['kind'], way: string, moment?: MomentName): Promise<Answer> =>
    inProcess<Answer>({ kind, way, sizes, store, clientBytes, ...(moment ? { moment } : {}) });
  const results: Results = { moments: { before: {}, late: {}, completed: {} }, blocked: {}, names: [] };
  const ways = [NATIVE, ...WAYS.map(({ name }) => name)];
  for (let round = 1; round <= sizes.rounds; round++) {
    for (const moment of Object.keys(MOMENTS) as MomentName[]) {
      for (const way of moment === 'before' ? [...ways, ...Object.values(BY_HAND)] : ways)
        (results.moments[moment][way] ??= []).push(await measure<Measured>('moment', way, moment));
      context.say(`round ${round} of ${sizes.rounds}: ${MOMENTS[moment].title}`);
    }
    for (const { name } of WAYS) (results.blocked[name] ??= []).push(await measure<Blocked>('blocked', name));
    results.names.push((await measure<Names>('names', NATIVE)).ms);
    context.say(`round ${round} of ${sizes.rounds}: blocked readers, names`);
  }
  return { text: table(results, sizes), facts: { sizes, ...results } };
};

/** A tmpfs with the client, each content by its number, and the whole tree. */
async function prepare(context: TrialContext, sizes: Sizes): Promise<string> {
  const { cleanup } = context;
  const store = mkdtempSync(join(tmpdir(), 'tees-hook-'));
  cleanup.push('the directory', () => rmdirSync(store));
  await run('mount', ['-t', 'tmpfs', '-o', 'mode=0711', 'tees-bench', store]);
  cleanup.push('the store', async () => void (await run('umount', ['-l', store])));
  const client = join(store, 'client');
  await run('gcc', ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', '-pthread', CLIENT_SOURCE, '-o', client]);
  mkdirSync(join(store, 'contents'));
  const { manifest, paths } = makeTree(sizes, statSync(client).size);
  context.say(`${paths.length} files, on a tmpfs`);
  for (const [content, path] of paths.entries()) {
    const [kept, copied] = [join(store, 'contents', String(content)), join(store, 'copy', path)];
    mkdirSync(dirname(copied), { recursive: true });
    if (path === CLIENT) copyFileSync(client, kept);
    else writeFileSync(kept, randomFillSync(Buffer.alloc(manifest.contents[content]?.size ?? 0)));
    copyFileSync(kept, copied);
    // The kernel makes pages active when they are read for the first and the second time, which is not what is measured.
    for (const file of [kept, copied, kept, copied]) readFileSync(file);
  }
  await run('chmod', ['-R', 'u=rwX,go=rX', join(store, 'copy')]);
  await run('chmod', ['0755', join(store, 'copy', CLIENT)]);
  return store;
}

async function inProcess<Answer>(order: Order): Promise<Answer> {
  const options = { timeout: ROUND_DEADLINE_MS, killSignal: 'SIGTERM' as const };
  const { stdout } = await run(process.execPath, [ROUND, JSON.stringify(order)], options);
  return JSON.parse(stdout) as Answer;
}
