/** A job's directory is gone at once, however much is in it, and what is in it soon after. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { createLog } from '../../../src/base/log.js';
import { prepareDirectories } from '../../../src/environment/directories.js';
import { Removals } from '../../../src/environment/removals.js';
import { eventually } from '../../support/tees.js';
import { makeStore, rootTest } from './fixture.js';

function temporaryStore(t: ExecutionContext): string {
  const store = mkdtempSync(join(tmpdir(), 'tees-removals-'));
  t.teardown(() => void execFileSync('rm', ['-rf', '--', store]));
  return store;
}

async function removalsIn(store: string, lines: string[] = []): Promise<Removals> {
  const removals = new Removals(
    join(store, 'removed'),
    createLog('test', 'info', (line) => void lines.push(line)),
  );
  await removals.resume();
  return removals;
}

test('a job is removed, following no link, and its name can be used again at once', async (t) => {
  const store = temporaryStore(t);
  const removals = await removalsIn(store);
  writeFileSync(join(store, 'kept'), '');
  const root = join(store, 'jobs', 'one');
  const ends = [];
  for (let i = 0; i < 2; i++) {
    const directories = await prepareDirectories(root);
    symlinkSync(store, join(directories.upper, 'link'));
    const { ended } = await removals.remove(directories);
    t.false(existsSync(root));
    ends.push(ended);
  }
  await Promise.all(ends);
  t.deepEqual(readdirSync(store).sort(), ['jobs', 'kept', 'removed']);
  t.deepEqual(readdirSync(join(store, 'removed')), []);
});

test('what was removed already is no error', async (t) => {
  const store = temporaryStore(t);
  const lines: string[] = [];
  const removals = await removalsIn(store, lines);
  const directories = await prepareDirectories(join(store, 'jobs', 'one'));
  for (let i = 0; i < 2; i++) await (await removals.remove(directories)).ended;
  t.deepEqual(lines, []);
});

test('what a daemon that was killed had begun to remove, the next one removes', async (t) => {
  const store = temporaryStore(t);
  mkdirSync(join(store, 'removed', 'one.x', 'names', 'a'), { recursive: true });
  await removalsIn(store);
  await eventually('nothing', () => readdirSync(join(store, 'removed')).length === 0 || undefined);
  t.pass();
});

rootTest(
  'where the directory cannot be moved away it is removed where it is, and the log says so',
  async (t) => {
    const store = makeStore(t);
    const lines: string[] = [];
    const removals = await removalsIn(store, lines);
    // Another file system.
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(store, 'removed')]);
    t.teardown(() => void execFileSync('umount', [join(store, 'removed')]));
    const directories = await prepareDirectories(join(store, 'jobs', 'one'));
    await (
      await removals.remove(directories)
    ).ended;
    t.deepEqual(readdirSync(join(store, 'jobs')), []);
    t.regex(lines.join(''), /jobs\/one: is removed where it is/);
  },
);
