/** The serving process, built so that it checks its own memory and arithmetic: fuzzed, and at work. */
import test from 'ava';
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../support/compile.js';
import { makeLayer } from '../store/layer.js';
import { killOne, pairOf } from './pair.js';
import { digest, digestOf, run, serialMountTest, serve, until } from './served.js';

const SANITIZE = [
  '-g',
  '-O1',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
  '-fno-omit-frame-pointer',
];
const FUZZ_MS = 4000;
const PURE = ['request', 'answer', 'tree', 'fatal', 'protocol', 'waiters', 'cleanup'];

const directory = mkdtempSync(join(tmpdir(), 'tees-sanitized-'));
test.after.always(() => rmSync(directory, { recursive: true }));

test.serial('no bytes from kernel, daemon or /proc do harm', async (t) => {
  const program = join(directory, 'fuzz');
  const sources = PURE.map((name) => `native/serve/${name}.c`);
  await compile(program, ['test/native/serve/fuzz.c', ...sources], SANITIZE);
  const seed = String(Math.floor(Math.random() * 2 ** 31));
  const { status, stdout, stderr } = await run(program, seed, String(FUZZ_MS));
  t.log(`seed ${seed}: ${stdout.trim()}`);
  t.is(stderr, '');
  t.is(status, 0);
});

serialMountTest('at work it finds nothing wrong with itself', async (t) => {
  const program = join(directory, 'tees-serve');
  const sources = readdirSync(new URL('../../../../native/serve', import.meta.url))
    .filter((name) => name.endsWith('.c'))
    .map((name) => `native/serve/${name}`);
  await compile(program, sources, SANITIZE);
  const log = join(directory, 'complaints');
  const errors = openSync(log, 'a');
  const env = { ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'print_stacktrace=1' };
  const layer = makeLayer(Array.from({ length: 30 }, (_, i) => ({ size: 1 + i * 5000 })));
  for (const engine of ['tees', 'tees without passthrough'] as const) {
    const served = await serve(t, layer, engine, { program, env, errors });
    const readers = layer.files.map((_, content) => digestOf(served.path(content)));
    await until('all wait', async () => (await served.stats()).blockedOpens === layer.files.length);
    let last: number | undefined;
    const dying = run('timeout', '-s', 'KILL', '0.2', 'cat', served.path(29));
    for (const content of layer.files.keys()) {
      if (content % 10 === 0)
        last = await killOne(served.root, content % 20 === 0 ? 'tees-serve' : 'tees-keep', last);
      if (content === 29) await dying;
      await served.deliver(content);
    }
    t.deepEqual(await Promise.all(readers), layer.files.map(digest));
    await run('ls', '-lR', served.mount);
    await served.hook.stop();
    await until('both have ended', () => pairOf(served.root).length === 0);
  }
  closeSync(errors);
  t.is(readFileSync(log, 'utf8'), '');
});
