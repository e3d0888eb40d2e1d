/** What every engine of the hook fuse does alike, to processes that read. */
import { readdirSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeLayer } from '../store/layer.js';
import { ENGINES, digest, digestOf, mountTest, run, serve, until } from './served.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

for (const engine of ENGINES) {
  mountTest(
    `${engine}: an open before arrival waits, then reads what arrived, whatever its size`,
    async (t) => {
      const sizes = [1, 4095, 4096, 4097, 128 * 1024, 128 * 1024 + 1, 5 * MIB + 11];
      const layer = makeLayer(sizes.map((size) => ({ size })));
      const { stats, path, deliver } = await serve(t, layer, engine);
      let done = 0;
      const readers = sizes.map(async (_, content) => {
        const read = await digestOf(path(content));
        done++;
        return read;
      });
      await until('every reader blocks', async () => (await stats()).blockedOpens === sizes.length);
      await sleep(50);
      t.is(done, 0);
      t.is((await stats()).reads, 0);
      for (const content of sizes.keys()) await deliver(content);
      t.deepEqual(await Promise.all(readers), layer.files.map(digest));
    },
  );

  mountTest(`${engine}: only the readers of what arrived go on`, async (t) => {
    const layer = makeLayer([{ size: 10 }, { size: 20 }]);
    const { stats, path, deliver } = await serve(t, layer, engine);
    const [first, second] = [digestOf(path(0)), digestOf(path(1))];
    await until('both block', async () => (await stats()).blockedOpens === 2);
    await deliver(1);
    t.is(await second, digest(layer.files[1] as Buffer));
    t.is(await Promise.race([first, sleep(50, 'still waiting')]), 'still waiting');
    await deliver(0);
    t.is(await first, digest(layer.files[0] as Buffer));
  });

  mountTest(`${engine}: what is here is read without waiting`, async (t) => {
    const layer = makeLayer([{ size: MIB }]);
    const { stats, path, deliver } = await serve(t, layer, engine);
    await deliver(0);
    t.is(await digestOf(path(0)), digest(layer.files[0] as Buffer));
    t.is((await stats()).blockedOpens, 0);
  });

  mountTest(`${engine}: holes read as zeros`, async (t) => {
    const layer = makeLayer([{ size: 3 * MIB + 1, extents: [MIB, 5000] }]);
    const { path, deliver } = await serve(t, layer, engine);
    await deliver(0);
    t.is(await digestOf(path(0)), digest(layer.files[0] as Buffer));
  });

  mountTest(
    `${engine}: stat and names do not wait: size, mode, owner and blocks are there before the content`,
    async (t) => {
      const { stats, mount, path } = await serve(t, makeLayer([{ size: 5000 }]), engine);
      const stat = await run('stat', '-c', '%s %a %u %g %b %F', path(0), mount, `${mount}/.tees`);
      t.deepEqual(stat.stdout.trim().split('\n'), [
        '5000 444 0 0 10 regular file',
        '0 555 0 0 0 directory',
        '0 555 0 0 0 directory',
      ]);
      t.is((await run('ls', '-A', mount)).stdout, '.tees\n');
      t.is((await stats()).opens, 0);
    },
  );

  mountTest(`${engine}: what is no content does not exist`, async (t) => {
    const { mount } = await serve(t, makeLayer([{ size: 1 }]), engine);
    for (const name of ['1', '-0', '-1', '00', '0.0', '1e0', 'x', '0x0', '+0', '0/0']) {
      const { stderr } = await run('stat', `${mount}/.tees/${name}`);
      t.regex(stderr, /No such file or directory|Not a directory/, name);
    }
    t.regex((await run('stat', `${mount}/0`)).stderr, /No such file/);
  });

  mountTest(`${engine}: nobody can write, root included`, async (t) => {
    const { mount, path, deliver } = await serve(t, makeLayer([{ size: 1 }]), engine);
    await deliver(0);
    t.regex((await run('sh', '-c', `echo x > ${path(0)}`)).stderr, /Read-only file system/);
    t.regex((await run('touch', `${mount}/.tees/new`)).stderr, /Read-only file system|No such file/);
    t.regex((await run('rm', '-f', path(0))).stderr, /Read-only file system/);
  });

  mountTest(`${engine}: many readers of many files that trickle in all read the right bytes`, async (t) => {
    const count = 150;
    const layer = makeLayer(Array.from({ length: count }, (_, i) => ({ size: 1 + i * 977 })));
    const { stats, mount, deliver } = await serve(t, layer, engine);
    const readers = Array.from({ length: 8 }, (_, reader) => {
      const order = Array.from({ length: count }, (_, i) => (i * 7 + reader * 19) % count);
      return run('sh', '-c', `cd ${mount}/.tees && sha256sum ${order.join(' ')}`);
    });
    await until('readers block', async () => (await stats()).blockedOpens >= 8);
    for (let content = count - 1; content >= 0; content--) {
      await deliver(content);
      if (content % 10 === 0) await sleep(5);
    }
    const expected = layer.files.map(digest);
    for (const { stdout, stderr } of await Promise.all(readers)) {
      const read = new Map(
        stdout.split('\n').map((line) => [Number(line.split('  ')[1]), line.split('  ')[0]]),
      );
      t.is(stderr, '');
      t.deepEqual(
        expected.map((_, content) => read.get(content)),
        expected,
      );
    }
  });

  mountTest(`${engine}: hundreds of readers of one file wait and all go on`, async (t) => {
    const layer = makeLayer([{ size: 100 }]);
    const { stats, path, deliver } = await serve(t, layer, engine);
    const readers = run('sh', '-c', `for i in $(seq 300); do cat ${path(0)} & done | wc -c; wait`);
    await until('all block', async () => (await stats()).blockedOpens === 300);
    await deliver(0);
    t.is((await readers).stdout.trim(), '30000');
  });

  mountTest(`${engine}: a mapping reads the right bytes`, async (t) => {
    const layer = makeLayer([{ size: 3 * MIB + 5 }]);
    const { stats, path, deliver } = await serve(t, layer, engine);
    const python = await run('python3', '-c', 'import mmap');
    if (python.status !== 0) {
      t.log('skipped: no python3 here to map a file with');
      return t.pass();
    }
    const script =
      'import hashlib,mmap,sys; f=open(sys.argv[1],"rb"); ' +
      'print(hashlib.sha256(mmap.mmap(f.fileno(),0,prot=mmap.PROT_READ)).hexdigest())';
    const mapped = run('python3', '-c', script, path(0));
    await until('it blocks', async () => (await stats()).blockedOpens === 1);
    await deliver(0);
    t.is((await mapped).stdout.trim(), digest(layer.files[0] as Buffer));
  });

  mountTest(`${engine}: beyond 4 GiB the offsets are right`, async (t) => {
    const size = 5 * GIB;
    const layer = makeLayer([{ size: 8 }]);
    const large = {
      ...layer.manifest.contents[0],
      size,
      extents: [size - 8, 8],
      firstChunk: 0,
      chunkCount: 1,
    };
    const { path, deliver } = await serve(
      t,
      { ...layer, manifest: { ...layer.manifest, contents: [large] } },
      engine,
    );
    await deliver(0);
    const tail = await run(
      'sh',
      '-c',
      `stat -c %s ${path(0)}; tail -c 12 ${path(0)} | od -An -v -tx1 | tr -d ' \\n'`,
    );
    t.is(tail.stdout, `${size}\n00000000${(layer.chunks[0] as Buffer).toString('hex')}`);
  });

  mountTest(`${engine}: a file of no bytes is read as such`, async (t) => {
    const layer = makeLayer([{ size: 1 }]);
    const empty = { size: 0, extents: [], firstChunk: 0, chunkCount: 0 };
    const { contents, arrivals, path } = await serve(
      t,
      {
        ...layer,
        manifest: { ...layer.manifest, contents: [empty] },
      },
      engine,
    );
    writeFileSync(`${contents}/.tees/0`, '');
    arrivals.arrived(0);
    const { stdout, stderr } = await run('sh', '-c', `cat ${path(0)} && echo end`);
    t.deepEqual([stdout, stderr], ['end\n', '']);
  });

  mountTest(`${engine}: descriptors of the store are closed with the last reader`, async (t) => {
    const layer = makeLayer([{ size: 10 }, { size: 10 }]);
    const { root, path, deliver } = await serve(t, layer, engine);
    for (const content of [0, 1]) await deliver(content);
    const open = (): string[] =>
      readdirSync('/proc/self/fd')
        .map((fd) => {
          try {
            return readlinkSync(`/proc/self/fd/${fd}`);
          } catch {
            return '';
          }
        })
        .filter((target) => target.startsWith(`${root}/contents`));
    await run('cat', path(0), path(1));
    await until('they are closed', () => open().length === 0);
    t.pass();
  });

  mountTest(`${engine}: a file of the store that was cut short is a read error, not zeros`, async (t) => {
    const { contents, path, deliver } = await serve(t, makeLayer([{ size: 4 * MIB }]), engine);
    await deliver(0);
    truncateSync(`${contents}/.tees/0`, MIB);
    t.regex((await run('cat', path(0))).stderr, /Input\/output error/);
  });
}
