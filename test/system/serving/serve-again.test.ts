/** Both of the pair are killed at the same moment, before either can replace the other: the daemon starts another. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { systemClock } from '../../../src/base/clock.js';
import { FuseEngineHook } from '../../../src/serving/fuse-engine.js';
import { Arrivals } from '../../../src/store/arrivals.js';
import { makeLayer } from '../store/layer.js';
import { isWhole, pairOf } from './pair.js';
import { digest, digestOf, isMounted, run, serialMountTest, serve, until } from './served.js';
import type { Served } from './served.js';

/** Stopped first, so that neither does anything about the other's death. */
async function killBoth({ root }: Served): Promise<void> {
  let members = pairOf(root);
  await until('the pair is whole', () => isWhole((members = pairOf(root))));
  for (const { pid } of members) process.kill(pid, 'SIGSTOP');
  for (const { pid } of members) process.kill(pid, 'SIGKILL');
  await until('both are dead', () => {
    const left = pairOf(root);
    return members.every((member) => left.every(({ pid }) => pid !== member.pid));
  });
}

async function untilWaiting({ stats }: Served, count: number): Promise<void> {
  const waiting = async (): Promise<number> => ((await stats()) as unknown as { waiting: number }).waiting;
  await until(`${count} wait`, async () => (await waiting()) === count);
}

function devices(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link === '/dev/fuse').length;
}

function anotherDaemon(t: ExecutionContext, served: Served, contentCount: number): FuseEngineHook {
  const hook = new FuseEngineHook({
    jobDirectory: served.root,
    directory: served.mount,
    contentCount,
    sizeOf: () => 10,
    pathOf: () => '',
    arrivals: new Arrivals(contentCount, systemClock),
  });
  t.teardown(() => hook.stop());
  return hook;
}

serialMountTest('both of the pair may be killed again and again, and no open fails', async (t) => {
  const count = 40;
  const layer = makeLayer(Array.from({ length: count }, (_, i) => ({ size: 100 + i })));
  const served = await serve(t, layer, 'tees');
  const readers = layer.files.map((_, content) => digestOf(served.path(content)));
  await untilWaiting(served, count);
  for (let content = 0; content < count; content++) {
    await served.deliver(content);
    if (content % 5 === 0) await killBoth(served);
  }
  t.deepEqual(await Promise.all(readers), layer.files.map(digest));
  t.is(await digestOf(served.path(0)), digest(layer.files[0] as Buffer));
});

serialMountTest('after such a death, too, stop leaves nothing', async (t) => {
  const before = devices();
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  const waiting = run('cat', served.path(0));
  await untilWaiting(served, 1);
  await killBoth(served);
  await untilWaiting(served, 1);
  t.is(devices(), before + 1);
  await served.hook.stop();
  t.regex((await waiting).stderr, /Input\/output error/);
  t.false(isMounted(served.mount));
  t.false(existsSync(`${served.root}/serve.sock`));
  await until('both have ended', () => pairOf(served.root).length === 0);
  t.is(devices(), before);
});

serialMountTest('stop at the moment of the death leaves nothing', async (t) => {
  for (let round = 0; round < 5; round++) {
    const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
    const waiting = run('cat', served.path(0));
    await untilWaiting(served, 1);
    await killBoth(served);
    await served.hook.stop();
    t.not((await waiting).stderr, '');
    t.false(isMounted(served.mount));
    await until('both have ended', () => pairOf(served.root).length === 0);
  }
});

serialMountTest('a daemon that has taken the job over starts another pair, too', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  const reader = digestOf(served.path(0));
  await untilWaiting(served, 1);
  served.hook.detach();
  const hook = anotherDaemon(t, served, 1);
  await hook.resume();
  await killBoth(served);
  await until('it is served again', async () => (await hook.counts()).waiting === 1);
  await served.deliver(0);
  t.regex(await reader, /^[0-9a-f]{64}$/);
});

serialMountTest(
  'without a daemon the mount ends with both of them, and who waits gets an error',
  async (t) => {
    const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
    const waiting = run('cat', served.path(0));
    await untilWaiting(served, 1);
    served.hook.detach();
    await killBoth(served);
    t.not((await waiting).stderr, '');
    await t.throwsAsync(anotherDaemon(t, served, 1).resume(), { message: /is not there/ });
  },
);
