/** The preload hook's server against callers that it must not believe, with its real socket. */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../src/base/clock.js';
import {
  PreloadHook,
  preloadLayout,
  preloadVariables,
  refuseOldKernel,
} from '../../../src/serving/preload.js';
import { Arrivals } from '../../../src/store/arrivals.js';

const VECTORS = new URL('../../../../hooks/preload/protocol-vectors.txt', import.meta.url).pathname;
const requests = readFileSync(VECTORS, 'utf8')
  .split('\n')
  .filter((line) => /^(no-)?request /.test(line))
  .map((line) => Buffer.from(line.split(' ').at(-1) ?? '', 'hex'));
const REFUSED = '5450413104000000';

interface Served {
  readonly hook: PreloadHook;
  readonly arrivals: Arrivals;
  readonly directory: string;
}

async function serve(t: ExecutionContext): Promise<Served> {
  const root = mkdtempSync(join(tmpdir(), 'tees-preload-'));
  mkdirSync(join(root, 'served'));
  const arrivals = new Arrivals(2, systemClock);
  const hook = new PreloadHook({
    jobDirectory: root,
    directory: join(root, 'served'),
    contentCount: 2,
    sizeOf: () => 1,
    pathOf: (content) => `${root}/${content}`,
    arrivals,
    job: { uid: process.getuid?.() ?? 0, source: 'tees-none' },
  });
  t.teardown(async () => {
    await hook.stop();
    rmSync(root, { recursive: true });
  });
  await hook.start();
  return { hook, arrivals, directory: join(root, 'preload') };
}

async function ask({ directory }: Served, bytes: Buffer): Promise<string> {
  const socket = createConnection(join(directory, 'socket'));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {});
  socket.write(bytes);
  if (bytes.length < 16) socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('hex');
}

test('a process that is not of the job is refused, whatever it asks', async (t) => {
  const served = await serve(t);
  for (const request of requests) {
    const answer = await ask(served, request);
    t.is(answer, request.length < 16 ? '' : REFUSED);
  }
  t.deepEqual(served.arrivals.blocked(), []);
});

test('who says nothing, or goes on speaking, holds up nobody else', async (t) => {
  const served = await serve(t);
  const silent = createConnection(join(served.directory, 'socket'));
  await once(silent, 'connect');
  // It may lose its answer with what it has sent too much.
  await ask(served, Buffer.alloc(1 << 20, 1));
  t.is(await ask(served, requests[0] as Buffer), REFUSED);
  silent.destroy();
});

test('overlayfs will not follow what stands in for the missing contents', async (t) => {
  const { directory } = await serve(t);
  t.is(readlinkSync(join(directory, '../served/.tees')), 'missing');
});

test('when everything has arrived, nobody need ask', async (t) => {
  const { arrivals, directory } = await serve(t);
  arrivals.arrived(0);
  arrivals.arrived(0);
  t.false(existsSync(join(directory, 'complete')));
  arrivals.arrived(1);
  t.true(existsSync(join(directory, 'complete')));
});

test('a daemon that lets go, and one that comes back, leave the libraries as they are', async (t) => {
  const served = await serve(t);
  const before = readFileSync(join(served.directory, 'preload.so'));
  served.hook.detach();
  await sleep(1);
  await served.hook.resume();
  t.deepEqual(readFileSync(join(served.directory, 'preload.so')), before);
  t.is(await ask(served, requests[0] as Buffer), REFUSED);
});

test('the libraries stand before those that the user has set', (t) => {
  t.deepEqual(preloadVariables({ LD_PRELOAD: '/a.so', X: '1' }), {
    X: '1',
    LD_PRELOAD: '/.tees/preload.so:/a.so',
    LD_AUDIT: '/.tees/audit.so',
  });
});

test('it needs data-only layers, and says so', (t) => {
  t.is(preloadLayout('auto'), 'data-only');
  t.throws(() => preloadLayout('stacked'), { code: 'HOOK_UNAVAILABLE' });
  t.notThrows(() => refuseOldKernel('6.5.0-1-amd64'));
  t.throws(() => refuseOldKernel('6.1.0-40-amd64'), { code: 'HOOK_UNAVAILABLE' });
});
