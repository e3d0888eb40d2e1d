/**
 * The hook where it is used: below an overlay in either layout, in a mount namespace of its own. Names come
 * from the names layer, arrived contents from the contents layer, and the hook serves what has not arrived.
 */
import type { ExecutionContext } from 'ava';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LayoutName } from '../../../src/config/config.js';
import { native } from '../../../src/base/native.js';
import { makeLayer } from '../store/layer.js';
import type { TestLayer } from '../store/layer.js';
import { attempt } from '../../../src/serving/probe.js';
import { ENGINES, digest, mountTest, serve, until } from './served.js';
import type { Engine, Served } from './served.js';

/** A shell in a private mount namespace; what runs in it dies with the test. */
class Namespace {
  readonly #shell: ChildProcessWithoutNullStreams;

  constructor(t: ExecutionContext) {
    this.#shell = spawn('unshare', ['--mount', '--propagation', 'private', 'sh'], {
      env: { ...process.env, LC_ALL: 'C' },
    });
    t.teardown(() => this.#shell.kill('SIGKILL'));
  }

  /** The output, standard error included, of one command at a time. */
  async run(command: string): Promise<string> {
    const { stdin, stdout } = this.#shell;
    stdin.write(`{ ${command}\n} 2>&1; printf '\\0'\n`);
    let output = '';
    while (!output.endsWith('\0')) {
      const bytes = await new Promise<Buffer>((resolve) => stdout.once('data', resolve));
      output += bytes.toString();
    }
    return output.slice(0, -1).trim();
  }
}

interface Variant {
  readonly engine: Engine;
  readonly layout: LayoutName;
}

interface Stage extends Served {
  readonly stage: string;
  readonly layer: TestLayer;
  readonly space: Namespace;
}

/** File N of the layer is /dir/N in the overlay. */
async function setUp(
  t: ExecutionContext,
  { engine, layout }: Variant,
  sizes: number[],
  layer = makeLayer(sizes.map((size) => ({ size }))),
): Promise<Stage> {
  // Its teardown is registered first and so runs last: the shell, and the overlay with it, ends before the hook.
  const served = await serve(t, layer, engine);
  const { root, contents, mount } = served;
  const [names, upper, work, lower, stage] = ['names', 'upper', 'work', 'lower', 'stage'].map((name) =>
    join(root, name),
  );
  for (const path of [names, upper, work, lower, stage]) mkdirSync(path as string);
  mkdirSync(`${names}/dir`);
  execFileSync('mknod', [`${names}/.tees`, 'c', '0', '0']);
  sizes.forEach((size, content) => {
    const path = `${names}/dir/${content}`;
    const fd = openSync(path, 'w', 0o755);
    ftruncateSync(fd, size);
    closeSync(fd);
    const setXattr = (name: string, value: string): void =>
      native().setXattr(Buffer.from(path), Buffer.from(`trusted.overlay.${name}`), Buffer.from(value));
    setXattr('metacopy', '');
    setXattr('redirect', `/.tees/${content}`);
  });
  const space = new Namespace(t);
  const lowers = {
    stacked: `${names}:${contents}:${mount}:${lower}`,
    'data-only': `${names}:${lower}::${contents}::${mount}`,
  };
  const options = `metacopy=on,redirect_dir=on,lowerdir=${lowers[layout]},upperdir=${upper},workdir=${work}`;
  t.is(await space.run(`mount -t overlay -o ${options},nosuid,nodev tees ${stage}`), '');
  return { ...served, layer, space, stage: stage as string };
}

const layouts: readonly LayoutName[] = (await attempt()).data === 0 ? ['stacked', 'data-only'] : ['stacked'];
const variants = ENGINES.flatMap((engine) => layouts.map((layout) => ({ engine, layout })));

for (const variant of variants) {
  const name = `${variant.engine}, ${variant.layout}`;
  mountTest(`${name}: a content that arrived before its first lookup never touches the hook`, async (t) => {
    const { stats, space, stage, layer, deliver } = await setUp(t, variant, [5_000_000, 10]);
    for (const content of [0, 1]) await deliver(content);
    const digests = await space.run(`cd ${stage}/dir && sha256sum 0 1`);
    const [first, second] = layer.files.map(digest);
    t.is(digests, `${first}  0\n${second}  1`);
    const { lookups, opens, reads } = await stats();
    t.deepEqual([lookups, opens, reads], [0, 0, 0]);
  });

  mountTest(
    `${name}: a content that has not arrived: stat answers, open waits, then the bytes are right`,
    async (t) => {
      const { stats, space, stage, layer, deliver } = await setUp(t, variant, [3_000_000]);
      t.is(await space.run(`stat -c '%s %a' ${stage}/dir/0; ls ${stage}/dir`), '3000000 755\n0');
      t.is((await stats()).opens, 0);
      const reading = space.run(`sha256sum < ${stage}/dir/0`);
      await until('it blocks', async () => (await stats()).blockedOpens === 1);
      t.is(await Promise.race([reading, sleep(50, 'still waiting')]), 'still waiting');
      await deliver(0);
      t.is(await reading, `${digest(layer.files[0] as Buffer)}  -`);
    },
  );

  mountTest(`${name}: a program that has not arrived runs when it has`, async (t) => {
    const bytes = readFileSync('/bin/true');
    const layer = makeLayer([{ size: bytes.length, bytes }]);
    const { stats, space, stage, deliver } = await setUp(t, variant, [bytes.length], layer);
    const running = space.run(`${stage}/dir/0 && echo ran`);
    await until('it blocks', async () => (await stats()).blockedOpens === 1);
    await deliver(0);
    t.is(await running, 'ran');
    t.is(await space.run(`${stage}/dir/0 && echo ran again`), 'ran again');
  });

  mountTest(`${name}: the reserved name is not to be seen`, async (t) => {
    const { space, stage } = await setUp(t, variant, [10]);
    t.is(
      await space.run(`ls -A ${stage}; stat ${stage}/.tees/0`),
      `dir\nstat: cannot statx '${stage}/.tees/0': No such file or directory`,
    );
  });

  mountTest(
    `${name}: a write to a content that has not arrived waits and then keeps every byte`,
    async (t) => {
      const { stats, space, stage, layer, deliver } = await setUp(t, variant, [300_000]);
      const writing = space.run(`echo more >> ${stage}/dir/0; sha256sum < ${stage}/dir/0`);
      await until('the copy-up blocks', async () => (await stats()).blockedOpens === 1);
      await deliver(0);
      t.is(await writing, `${digest(Buffer.concat([layer.files[0] as Buffer, Buffer.from('more\n')]))}  -`);
    },
  );

  mountTest(`${name}: chmod, mv and ln of a content that has not arrived do not wait`, async (t) => {
    const { stats, space, stage, layer, deliver } = await setUp(t, variant, [300_000]);
    const commands = 'chmod 700 0; mv 0 moved; ln moved linked; stat -c "%n %s %a %h" moved linked';
    t.is(await space.run(`cd ${stage}/dir; ${commands}`), 'moved 300000 700 2\nlinked 300000 700 2');
    t.is((await stats()).opens, 0);
    await deliver(0);
    t.is(await space.run(`sha256sum < ${stage}/dir/linked`), `${digest(layer.files[0] as Buffer)}  -`);
  });

  mountTest(
    `${name}: a stop under a mounted overlay ends its blocked readers and what has arrived stays readable`,
    async (t) => {
      const { hook, stats, space, stage, layer, deliver } = await setUp(t, variant, [10, 20_000]);
      await deliver(1);
      const reading = space.run(`cat ${stage}/dir/0`);
      await until('it blocks', async () => (await stats()).blockedOpens === 1);
      await hook.stop();
      t.regex(await reading, /Input\/output error/);
      t.is(await space.run(`sha256sum < ${stage}/dir/1`), `${digest(layer.files[1] as Buffer)}  -`);
    },
  );
}
