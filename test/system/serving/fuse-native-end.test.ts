/** How a hook through fuse-native ends: stopped, failed, killed; and what it leaves in the daemon's process. */
import type { ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../../src/base/clock.js';
import { native } from '../../../src/base/native.js';
import { FuseNativeHook } from '../../../src/serving/fuse-native.js';
import { Arrivals } from '../../../src/store/arrivals.js';
import { makeLayer } from '../store/layer.js';
import {
  digest,
  digestOf,
  isMounted,
  run,
  serialMountTest,
  serve,
  temporaryDirectory,
  until,
} from './served.js';

const serverProgram = fileURLToPath(new URL('server.js', import.meta.url));

serialMountTest(
  'when the arrivals fail, who waits and who comes later gets EIO; what is here stays readable',
  async (t) => {
    const layer = makeLayer([{ size: 10 }, { size: 10 }, { size: 10 }]);
    const { stats, path, arrivals, deliver } = await serve(t, layer, 'fuse-native');
    const waiting = run('cat', path(0));
    await until('it blocks', async () => (await stats()).blockedOpens === 1);
    await deliver(2);
    arrivals.fail();
    t.regex((await waiting).stderr, /Input\/output error/);
    t.regex((await run('cat', path(1))).stderr, /Input\/output error/);
    t.is(await digestOf(path(2)), digest(layer.files[2] as Buffer));
  },
);

serialMountTest('stop ends whoever waits with EIO, unmounts, and may be called again', async (t) => {
  const { hook, stats, path, mount } = await serve(t, makeLayer([{ size: 10 }, { size: 10 }]), 'fuse-native');
  const readers = Array.from({ length: 50 }, (_, i) => run('cat', path(i % 2)));
  await until('all block', async () => (await stats()).blockedOpens === 50);
  t.true(isMounted(mount));
  await Promise.all([hook.stop(), hook.stop()]);
  for (const { stderr } of await Promise.all(readers)) t.regex(stderr, /Input\/output error/);
  t.false(isMounted(mount));
  await hook.stop();
});

serialMountTest(
  'a reader that was killed while it waited is gone after the stop at the latest',
  async (t) => {
    const { hook, stats, path } = await serve(t, makeLayer([{ size: 10 }]), 'fuse-native');
    const reader = spawn('cat', [path(0)], { stdio: 'ignore' });
    const exit = once(reader, 'exit');
    await until('it blocks', async () => (await stats()).blockedOpens === 1);
    reader.kill('SIGKILL');
    await hook.stop();
    t.deepEqual(await exit, [null, 'SIGKILL']);
  },
);

serialMountTest('stop ends the connection though somebody keeps a file open', async (t) => {
  const { hook, path, mount, deliver } = await serve(t, makeLayer([{ size: 1 << 20 }]), 'fuse-native');
  await deliver(0);
  const holder = spawn('sh', ['-c', `exec 5<${path(0)}; echo open; read line; cat <&5`], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  await once(holder.stdout, 'data');
  const threads = threadCount();
  await hook.stop();
  t.false(isMounted(mount));
  t.true(threadCount() < threads, 'the threads of libfuse have ended');
  let stderr = '';
  holder.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  holder.stdin.end('\n');
  await once(holder, 'close');
  t.regex(stderr, /not connected|Software caused connection abort|Input\/output error/);
});

serialMountTest(
  'mounts one after the other and side by side leave no thread, descriptor or mount',
  async (t) => {
    const root = temporaryDirectory(t);
    let count = 0;
    const mountOnce = async (): Promise<void> => {
      const directory = `${root}/${count++}`;
      mkdirSync(directory);
      const arrivals = new Arrivals(1, systemClock);
      const hook = new FuseNativeHook({
        jobDirectory: '/nowhere',
        directory,
        contentCount: 1,
        sizeOf: () => 1,
        pathOf: () => '/dev/null',
        arrivals,
      });
      await hook.start();
      const reader = run('cat', `${directory}/.tees/0`);
      await until('it blocks', () => hook.stats.blockedOpens === 1);
      await hook.stop();
      t.regex((await reader).stderr, /Input\/output error/);
    };
    await mountOnce();
    const before = { threads: threadCount(), devices: deviceCount() };
    for (let i = 0; i < 20; i++) await mountOnce();
    for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: 10 }, mountOnce));
    await until('all threads have ended', () => threadCount() <= before.threads);
    t.is(deviceCount(), before.devices);
    t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(root));
  },
);

serialMountTest('a hook stopped while it starts leaves no mount', async (t) => {
  const directory = temporaryDirectory(t);
  const hook = new FuseNativeHook({
    jobDirectory: '/nowhere',
    directory,
    contentCount: 0,
    sizeOf: () => 0,
    pathOf: () => '',
    arrivals: new Arrivals(0, systemClock),
  });
  const started = hook.start().then(
    () => 'started',
    (error: Error) => error.message,
  );
  await hook.stop();
  t.is(await started, 'stopped while it was starting');
  t.false(isMounted(directory));
});

serialMountTest('a stopped hook keeps nothing of its job in memory', async (t) => {
  const directory = temporaryDirectory(t);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const start = async (): Promise<WeakRef<Arrivals>> => {
    const arrivals = new Arrivals(1, systemClock);
    const hook = new FuseNativeHook({
      jobDirectory: '/nowhere',
      directory,
      contentCount: 1,
      sizeOf: () => 1,
      pathOf: () => '',
      arrivals,
    });
    await hook.start();
    await hook.stop();
    return new WeakRef(arrivals);
  };
  const reference = await start();
  await sleep(20);
  collect();
  t.is(reference.deref(), undefined);
});

serialMountTest(
  "a program that the serving process starts does not inherit the device's descriptor",
  async (t) => {
    await serve(t, makeLayer([{ size: 1 }]), 'fuse-native');
    t.true(deviceCount() > 0);
    t.notRegex((await run('ls', '-l', '/proc/self/fd')).stdout, /fuse/);
  },
);

serialMountTest('the death of the serving process ends its readers with an error', async (t) => {
  const root = temporaryDirectory(t);
  const server = spawn(process.execPath, [serverProgram, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  const child = Number(/^ready (\d+)/.exec(line.toString())?.[1]);
  t.teardown(() => {
    process.kill(child);
    native().unmount(Buffer.from(`${root}/served`), 2);
  });
  t.is((await run('cat', `${root}/served/.tees/0`)).stdout, 'here\n');
  const blocked = run('cat', `${root}/served/.tees/1`);
  await sleep(200);
  server.kill('SIGKILL');
  t.regex((await blocked).stderr, /Software caused connection abort|not connected/);
  t.regex((await run('cat', `${root}/served/.tees/1`)).stderr, /not connected/);
});

serialMountTest('without /dev/fuse the hook is unavailable and says what to do', async (t) => {
  const error = await startHidden(t, 'mount -t tmpfs tees-test /dev');
  t.is(error.code, 'HOOK_UNAVAILABLE');
  t.regex(error.message, /\/dev\/fuse/);
  t.regex(error.hint, /modprobe fuse/);
});

serialMountTest('without libfuse.so.2 the hook is unavailable and names the package', async (t) => {
  const maps = await run('sh', '-c', "ldconfig -p | sed -n 's/.*libfuse.so.2 .*=> //p'");
  const hide = maps.stdout
    .trim()
    .split('\n')
    .map((path) => `mount --bind /dev/null "$(readlink -f ${path})"`);
  const error = await startHidden(t, hide.join(' && '));
  t.is(error.code, 'HOOK_UNAVAILABLE');
  t.regex(error.hint, /apt-get install libfuse2/);
});

/** Starts the server in a mount namespace of its own, after `hide`; it must fail to serve. */
async function startHidden(
  t: ExecutionContext,
  hide: string,
): Promise<{ code: string; message: string; hint: string }> {
  const script = `${hide} && exec "$0" "$@"`;
  const unshare = ['--mount', '--propagation', 'private', 'sh', '-c', script];
  const { stdout, stderr } = await run(
    'unshare',
    ...unshare,
    process.execPath,
    serverProgram,
    temporaryDirectory(t),
  );
  t.log(stdout.trim(), stderr.trim());
  return JSON.parse(stdout) as { code: string; message: string; hint: string };
}

function threadCount(): number {
  return readdirSync('/proc/self/task').length;
}

function deviceCount(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === '/dev/fuse';
    } catch {
      return false;
    }
  }).length;
}
