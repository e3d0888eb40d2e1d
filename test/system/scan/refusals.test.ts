/** What is no layer, or cannot travel, is refused with the path and what to do. */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TeesError } from '../../../src/base/errors.js';
import { native } from '../../../src/base/native.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { makeWhiteout } from '../../support/special-layer.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;
const whyRoot = isRoot ? '' : ' (skipped: only root can make such a layer)';

async function withDirectory(action: (upper: string) => Promise<void>): Promise<void> {
  const upper = temporaryDirectory('refusals');
  try {
    await action(upper);
  } finally {
    // Unlike Node's, it also removes paths that are too long to be named at once.
    execFileSync('rm', ['-rf', upper]);
  }
}

async function refused(t: ExecutionContext, upper: string, code: string, path?: string): Promise<void> {
  const error = await t.throwsAsync(scanLayer(upper), { instanceOf: TeesError });
  t.like(error, { code, ...(path === undefined ? {} : { path }) });
  t.truthy(error.hint);
}

const mark = (path: string, name: string, value: string): void =>
  native().setXattr(Buffer.from(path), Buffer.from(name), Buffer.from(value));

test('a layer that is not there', (t) =>
  withDirectory((upper) => refused(t, join(upper, 'nowhere'), 'LAYER_NOT_FOUND', join(upper, 'nowhere'))));

test('a layer that is a file', (t) =>
  withDirectory((upper) => {
    writeFileSync(join(upper, 'file'), '');
    return refused(t, join(upper, 'file'), 'LAYER_NOT_FOUND');
  }));

for (const [kind, ...numbers] of [
  ['c', '1', '3'],
  ['b', '7', '200'],
  ['c', '0', '1'],
] as const)
  asRoot(`a device node ${kind} ${numbers.join(':')}${whyRoot}`, (t) =>
    withDirectory((upper) => {
      mkdirSync(join(upper, 'dir'));
      execFileSync('mknod', [join(upper, 'dir', 'nödé'), kind, ...numbers]);
      return refused(t, upper, 'LAYER_DEVICE_NODE', 'dir/nödé');
    }),
  );

test('the reserved name at the top', (t) =>
  withDirectory((upper) => {
    mkdirSync(join(upper, '.tees'));
    return refused(t, upper, 'LAYER_UNSUPPORTED', '.tees');
  }));

test('the reserved name further down is a name like others', (t) =>
  withDirectory(async (upper) => {
    mkdirSync(join(upper, 'dir', '.tees'), { recursive: true });
    const source = await scanLayer(upper);
    t.is(source.manifest.entries.length, 3);
    await source.close();
  }));

for (const namespace of isRoot ? ['trusted', 'user'] : ['user']) {
  test(`a renamed directory that refers to a lower layer (${namespace})`, (t) =>
    withDirectory((upper) => {
      mkdirSync(join(upper, 'moved'));
      mark(join(upper, 'moved'), `${namespace}.overlay.redirect`, '/old');
      return refused(t, upper, 'LAYER_UNSUPPORTED', 'moved');
    }));

  test(`a file without its data (${namespace})`, (t) =>
    withDirectory((upper) => {
      writeFileSync(join(upper, 'chmodded'), 'data that is elsewhere');
      mark(join(upper, 'chmodded'), `${namespace}.overlay.metacopy`, '');
      return refused(t, upper, 'LAYER_UNSUPPORTED', 'chmodded');
    }));

  test(`an empty file with the whiteout mark is a whiteout only where its directory says so (${namespace})`, (t) =>
    withDirectory(async (upper) => {
      for (const dir of ['marked', 'plain']) {
        mkdirSync(join(upper, dir));
        for (const name of ['gone', 'full'])
          writeFileSync(join(upper, dir, name), name === 'full' ? 'text' : '');
        for (const name of ['gone', 'full'])
          mark(join(upper, dir, name), `${namespace}.overlay.whiteout`, 'y');
      }
      mark(join(upper, 'marked'), `${namespace}.overlay.opaque`, 'x');
      const source = await scanLayer(upper);
      const types = Object.fromEntries(
        source.manifest.entries.map(({ path, type }) => [path as string, type]),
      );
      await source.close();
      t.like(types, { 'marked/gone': 'whiteout', 'marked/full': 'file', 'plain/gone': 'file' });
      t.false(source.manifest.entries.some(({ opaque }) => opaque));
    }));
}

test('a path that is too long to be opened by name', (t) =>
  withDirectory(async (upper) => {
    const half = (letter: string): string => Array.from({ length: 9 }, () => letter.repeat(250)).join('/');
    for (const letter of ['a', 'b']) mkdirSync(join(upper, half(letter)), { recursive: true });
    // No single call can name the result, and still it exists.
    renameSync(join(upper, 'b'.repeat(250)), join(upper, half('a'), 'b'));
    await refused(t, upper, 'LAYER_UNSUPPORTED');
  }));

asRoot(`an upper layer, a directory or a file that the scanning user cannot read${whyRoot}`, (t) =>
  withDirectory((upper) => {
    const build = join(upper, 'build');
    copyProgram(build);
    const layer = join(upper, 'layer');
    mkdirSync(join(layer, 'dir'), { recursive: true });
    writeFileSync(join(layer, 'dir', 'file'), 'text');
    for (const path of [upper, layer, join(layer, 'dir')]) chmodSync(path, 0o755);
    const scanAsNobody = (): string => {
      const script = `import('${build}/src/scan/scan.js').then(({ scanLayer }) => scanLayer('${layer}'))
        .then(() => console.log('readable'), (error) => console.log(error.code, error.path))`;
      const options = { uid: 65534, gid: 65534, encoding: 'utf8', cwd: upper } as const;
      return spawnSync(process.execPath, ['--input-type=module', '-e', script], options).stdout.trim();
    };
    t.is(scanAsNobody(), 'readable');
    chmodSync(join(layer, 'dir', 'file'), 0o600);
    t.is(scanAsNobody(), 'LAYER_UNREADABLE dir/file');
    chmodSync(join(layer, 'dir'), 0o700);
    t.is(scanAsNobody(), 'LAYER_UNREADABLE dir');
    chmodSync(layer, 0o700);
    t.is(scanAsNobody(), `LAYER_UNREADABLE ${layer}`);
    return Promise.resolve();
  }),
);

/** The repository may lie where nobody else can read it. */
function copyProgram(build: string): void {
  const repository = fileURLToPath(new URL('../../../..', import.meta.url));
  cpSync(join(repository, 'build', 'src'), join(build, 'src'), { recursive: true });
  cpSync(join(repository, 'package.json'), join(build, 'package.json'));
  for (const path of ['node_modules/lru-cache', 'node_modules/bson'])
    cpSync(join(repository, path), join(build, path), { recursive: true });
  const addon = 'native/build/Release/tees.node';
  cpSync(join(repository, addon), join(build, '..', addon));
  chmodSync(join(build, '..'), 0o755);
}

asRoot(`a layer that is only whiteouts${whyRoot}`, (t) =>
  withDirectory(async (upper) => {
    makeWhiteout(join(upper, 'etc'));
    const source = await scanLayer(upper);
    t.deepEqual(
      source.manifest.entries.map(({ type }) => type),
      ['directory', 'whiteout'],
    );
    await source.close();
  }),
);
