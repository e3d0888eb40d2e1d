/** What our own engine promises beyond what all engines do: nobody who waits is lost, nobody is immortal. */
import test from 'ava';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../src/base/clock.js';
import { FuseEngineHook } from '../../../src/serving/fuse-engine.js';
import { Arrivals } from '../../../src/store/arrivals.js';
import { compile } from '../../support/compile.js';
import { makeLayer } from '../store/layer.js';
import { killOne, pairOf, statusOf } from './pair.js';
import {
  digest,
  digestOf,
  isMounted,
  run,
  serialMountTest,
  serve,
  temporaryDirectory,
  until,
  whyNoMounts,
} from './served.js';
import type { Served } from './served.js';

const tools = mkdtempSync(join(tmpdir(), 'tees-openers-'));
const openers = join(tools, 'openers');
test.before(async () => {
  if (!whyNoMounts) await compile(openers, ['test/native/openers.c']);
});
test.after.always(() => rmSync(tools, { recursive: true }));

interface Openers {
  readonly process: ChildProcess;
  /** A line for each that ended by itself. */
  readonly ended: Promise<{ errno: number; atNs: bigint }[]>;
}

function startOpeners(count: number, path: string, ...options: string[]): Openers {
  const child = spawn(openers, [String(count), path, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const ended = once(child, 'close').then(() =>
    [...output.matchAll(/^(\d+) (\d+)$/gm)].map(([, errno, at]) => ({
      errno: Number(errno),
      atNs: BigInt(at as string),
    })),
  );
  return { process: child, ended };
}

async function untilWaiting({ stats }: Served, count: number): Promise<void> {
  await until(
    `${count} wait`,
    async () => ((await stats()) as unknown as { waiting: number }).waiting === count,
  );
}

async function errnosOf({ ended }: Openers): Promise<number[]> {
  return [...new Set((await ended).map(({ errno }) => errno))];
}

serialMountTest('1,000 who wait die of SIGKILL within a second', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  const { process: child, ended } = startOpeners(1000, served.path(0));
  await untilWaiting(served, 1000);
  const before = performance.now();
  process.kill(-(child.pid as number), 'SIGKILL');
  t.deepEqual(await ended, []);
  await untilWaiting(served, 0);
  const took = performance.now() - before;
  t.log(`${Math.round(took)} ms`);
  t.true(took < 1000, `${took} ms`);
  t.deepEqual(served.arrivals.blocked(), []);
});

serialMountTest('10,000 who wait take no thread and little memory, and all go on', async (t) => {
  const layer = makeLayer([{ size: 10 }]);
  const served = await serve(t, layer, 'tees');
  const server = pairOf(served.root).find(({ name }) => name === 'tees-serve')?.pid as number;
  const before = { threads: statusOf(server, 'Threads'), kib: statusOf(server, 'VmRSS') };
  const waiting = startOpeners(10_000, served.path(0));
  await untilWaiting(served, 10_000);
  const more = statusOf(server, 'VmRSS') - before.kib;
  t.log(`${before.threads} threads, ${more} KiB more`);
  t.is(statusOf(server, 'Threads'), before.threads);
  t.true(more < 8 * 1024);
  await served.deliver(0);
  t.deepEqual(await errnosOf(waiting), [0]);
});

serialMountTest('who waits wakes within a millisecond of the arrival, as a rule', async (t) => {
  const count = 40;
  const served = await serve(t, makeLayer(Array.from({ length: count }, () => ({ size: 10 }))), 'tees');
  const delays: number[] = [];
  for (let content = 0; content < count; content++) {
    const { ended } = startOpeners(1, served.path(content));
    await untilWaiting(served, 1);
    const arrivedNs = process.hrtime.bigint();
    await served.deliver(content);
    for (const { atNs } of await ended) delays.push(Number(atNs - arrivedNs) / 1e6);
  }
  const median = delays.sort((a, b) => a - b)[count / 2] as number;
  t.log(
    `median ${median.toFixed(2)} ms, of which the store takes a part; longest ${delays.at(-1)?.toFixed(2)} ms`,
  );
  t.true(median < 100);
});

serialMountTest('signals that end nobody disturb nobody who waits', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  const waiting = startOpeners(20, served.path(0), 'noise');
  await untilWaiting(served, 20);
  await sleep(500);
  t.is((await served.stats()).blockedOpens, 20);
  await served.deliver(0);
  t.deepEqual(await errnosOf(waiting), [0]);
});

serialMountTest('who was disturbed by other signals still dies of a fatal one', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const { process: child, ended } = startOpeners(20, served.path(0), 'noise');
    await untilWaiting(served, 20);
    await sleep(200);
    const before = performance.now();
    process.kill(-(child.pid as number), signal);
    t.deepEqual(await ended, []);
    t.log(`${signal}: ${Math.round(performance.now() - before)} ms`);
    await untilWaiting(served, 0);
  }
});

serialMountTest('either of the pair may be killed, 20 times, and no open fails', async (t) => {
  const layer = makeLayer([{ size: 3000 }, { size: 10 }]);
  const served = await serve(t, layer, 'tees');
  const waiting = [startOpeners(100, served.path(0)), startOpeners(10, served.path(0), 'noise')];
  await untilWaiting(served, 110);
  let last: number | undefined;
  for (let round = 0; round < 20; round++) {
    last = await killOne(served.root, round % 2 === 0 ? 'tees-serve' : 'tees-keep', last);
    if (round === 10) waiting.push(startOpeners(100, served.path(1)));
  }
  await untilWaiting(served, 210);
  t.deepEqual(
    served.arrivals
      .blocked()
      .map(({ content }) => content)
      .sort(),
    [0, 1],
  );
  await served.deliver(0);
  await served.deliver(1);
  for (const openers_ of waiting) t.deepEqual(await errnosOf(openers_), [0]);
  t.is(await digestOf(served.path(0)), digest(layer.files[0] as Buffer));
});

serialMountTest('a server killed while contents arrive loses nobody', async (t) => {
  const count = 60;
  const layer = makeLayer(Array.from({ length: count }, (_, i) => ({ size: 100 + i })));
  const served = await serve(t, layer, 'tees');
  const readers = layer.files.map((_, content) => digestOf(served.path(content)));
  await untilWaiting(served, count);
  let last: number | undefined;
  for (let content = 0; content < count; content++) {
    await served.deliver(content);
    if (content % 6 === 0) last = await killOne(served.root, 'tees-serve', last);
  }
  t.deepEqual(await Promise.all(readers), layer.files.map(digest));
});

serialMountTest('stop leaves no process, no mount and no socket', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  const waiting = startOpeners(50, served.path(0));
  await untilWaiting(served, 50);
  t.is(pairOf(served.root).length, 2);
  await served.hook.stop();
  t.deepEqual(await errnosOf(waiting), [5]);
  t.false(isMounted(served.mount));
  t.false(existsSync(`${served.root}/serve.sock`));
  await until('both have ended', () => pairOf(served.root).length === 0);
  t.pass();
});

serialMountTest('when the mount is taken away the pair ends, and the daemon hears of it', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  await run('umount', served.mount);
  await until('both have ended', () => pairOf(served.root).length === 0);
  t.false(existsSync(`${served.root}/serve.sock`));
});

serialMountTest('another daemon takes up what waits, and what arrived meanwhile', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }, { size: 10 }, { size: 10 }]), 'tees');
  const waiting = [0, 1, 2].map((content) => startOpeners(5, served.path(content)));
  await untilWaiting(served, 15);
  served.hook.detach();
  t.deepEqual(served.arrivals.blocked(), []);
  // The server sees by itself what nobody can tell it.
  writeFileSync(`${served.root}/in/x`, '0123456789');
  renameSync(`${served.root}/in/x`, `${served.contents}/.tees/0`);
  t.deepEqual(await errnosOf(waiting[0] as Openers), [0]);

  const arrivals = new Arrivals(3, systemClock);
  arrivals.arrived(0);
  const hook = new FuseEngineHook({ ...context(served, 3), arrivals });
  await hook.resume();
  t.teardown(() => hook.stop());
  await until('both are known', () => arrivals.blocked().length === 2);
  await served.deliver(1);
  arrivals.arrived(1);
  t.deepEqual(await errnosOf(waiting[1] as Openers), [0]);
  hook.fail();
  t.deepEqual(await errnosOf(waiting[2] as Openers), [5]);
  t.deepEqual(await errnosOf(startOpeners(1, served.path(2))), [5]);
  hook.unfail();
  const last = startOpeners(1, served.path(2));
  await until('it waits again', () => arrivals.blocked().length === 1);
  await served.deliver(2);
  arrivals.arrived(2);
  t.deepEqual(await errnosOf(last), [0]);
});

serialMountTest('a wait whose openers are all gone ends without having been released', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  const { process: child, ended } = startOpeners(3, served.path(0));
  await until('it is known', () => served.arrivals.blocked().length === 1);
  process.kill(-(child.pid as number), 'SIGKILL');
  await ended;
  await until('it is over', () => served.arrivals.blocked().length === 0);
  t.pass();
});

serialMountTest('many first opens of what is here agree, with a server killed among them', async (t) => {
  const layer = makeLayer(Array.from({ length: 20 }, () => ({ size: 5000 })));
  const served = await serve(t, layer, 'tees');
  for (const content of layer.files.keys()) await served.deliver(content);
  const all = layer.files.map((_, content) => startOpeners(30, served.path(content)));
  const server = pairOf(served.root).find(({ name }) => name === 'tees-serve')?.pid as number;
  process.kill(server, 'SIGKILL');
  for (const each of all) t.deepEqual(await errnosOf(each), [0]);
});

serialMountTest('holes are found', async (t) => {
  const layer = makeLayer([{ size: 3 << 20, extents: [1 << 20, 4096] }]);
  const served = await serve(t, layer, 'tees');
  const script = `import os,sys; f=os.open(sys.argv[1],os.O_RDONLY); print(os.lseek(f,0,os.SEEK_DATA), os.lseek(f,1<<20,os.SEEK_HOLE))`;
  const found = run('python3', '-c', script, served.path(0));
  await untilWaiting(served, 1);
  await served.deliver(0);
  t.is((await found).stdout.trim(), `${1 << 20} ${(1 << 20) + 4096}`);
});

serialMountTest('a path too long for a socket is served too', async (t) => {
  const root = join(temporaryDirectory(t), 'a-long-name'.repeat(15));
  for (const name of ['served', 'contents/.tees']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'contents/.tees/0'), 'here\n');
  const hook = new FuseEngineHook({
    jobDirectory: root,
    directory: join(root, 'served'),
    contentCount: 1,
    sizeOf: () => 5,
    pathOf: () => '',
    arrivals: new Arrivals(1, systemClock),
  });
  t.teardown(() => hook.stop());
  await hook.start();
  t.is((await run('cat', join(root, 'served/.tees/0'))).stdout, 'here\n');
});

function context(served: Served, contentCount: number): ConstructorParameters<typeof FuseEngineHook>[0] {
  return {
    jobDirectory: served.root,
    directory: served.mount,
    contentCount,
    sizeOf: () => 10,
    pathOf: () => '',
    arrivals: served.arrivals,
  };
}
