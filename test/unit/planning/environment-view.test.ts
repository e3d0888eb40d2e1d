import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { ByteString } from '../../../src/base/bytes.js';
import { fromText } from '../../../src/base/bytes.js';
import { EnvironmentView } from '../../../src/planning/environment-view.js';
import type { Manifest } from '../../../src/image/manifest.js';
import { LayerIndex } from '../../../src/planning/layer-index.js';
import { emptyTrees, manifestOf } from './layer.js';

class Trees {
  readonly upper: string;
  readonly root: string;
  readonly opaque: string[] = [];

  constructor(t: ExecutionContext) {
    ({ upper: this.upper, root: this.root } = emptyTrees(t));
  }

  layer(path: string, text = `layer:${path}`): this {
    return this.#write(join(this.upper, path), text);
  }

  node(path: string, text = `node:${path}`): this {
    return this.#write(join(this.root, path), text);
  }

  link(tree: 'upper' | 'root', path: string, target: string): this {
    mkdirSync(dirname(join(this[tree], path)), { recursive: true });
    symlinkSync(target, join(this[tree], path));
    return this;
  }

  #write(path: string, text: string): this {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return this;
  }

  /** @param whiteouts more entries: making the devices themselves needs root */
  view(whiteouts: readonly string[] = []): EnvironmentView {
    const manifest = withWhiteouts(manifestOf(this.upper, this.opaque), whiteouts);
    return new EnvironmentView(new LayerIndex(manifest), fromText(this.upper), fromText(this.root));
  }
}

function withWhiteouts(manifest: Manifest, whiteouts: readonly string[]): Manifest {
  const model = manifest.entries[0];
  if (!model) return manifest;
  const added = whiteouts.map((path) => ({ ...model, path: fromText(path), type: 'whiteout' as const }));
  const entries = [...manifest.entries, ...added].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { ...manifest, entries };
}

/** What a path holds, or why it holds nothing. */
function at(view: EnvironmentView, path: string): string {
  const resolved = view.resolve(fromText(path));
  if (resolved.kind === 'file') return resolved.reader.read(0, 1000).toString('latin1');
  return resolved.kind === 'absent' ? resolved.errno : resolved.kind;
}

test('a file of the layer hides the one of the node; others show through', (t) => {
  const view = new Trees(t).layer('d/a').node('d/a').node('d/b').view();
  t.deepEqual([at(view, '/d/a'), at(view, '/d/b'), at(view, '/d/c')], ['layer:d/a', 'node:d/b', 'ENOENT']);
  t.is(view.find(fromText('/d/a'))?.layer?.path, fromText('d/a'));
  t.is(view.find(fromText('/d/b'))?.layer, undefined);
});

test('directories merge: names of both, once', (t) => {
  const view = new Trees(t)
    .layer('d/a')
    .layer('d/sub/x')
    .node('d/a')
    .node('d/b')
    .node('d/gone')
    .view(['d/gone']);
  t.deepEqual(view.list(fromText('/d')) as string[], ['a', 'b', 'sub']);
  t.deepEqual(view.list(fromText('/d/a')), []);
});

test('a whiteout removes a file, and a directory with all below it', (t) => {
  const view = new Trees(t).layer('x').node('a').node('d/b').view(['a', 'd']);
  t.deepEqual([at(view, '/a'), at(view, '/d/b'), at(view, '/d')], ['ENOENT', 'ENOENT', 'ENOENT']);
});

test('an opaque directory hides all that the node has below it', (t) => {
  const trees = new Trees(t).layer('d/sub/a').node('d/sub/b').node('d/c');
  trees.opaque.push('d');
  const view = trees.view();
  t.deepEqual(
    [at(view, '/d/sub/a'), at(view, '/d/sub/b'), at(view, '/d/c')],
    ['layer:d/sub/a', 'ENOENT', 'ENOENT'],
  );
});

test('a directory of the layer over a file or a symbolic link of the node does not merge', (t) => {
  const view = new Trees(t)
    .layer('f/a')
    .layer('l/a')
    .node('f')
    .node('real/b')
    .link('root', 'l', 'real')
    .view();
  t.deepEqual([at(view, '/f/a'), at(view, '/l/a'), at(view, '/l/b')], ['layer:f/a', 'layer:l/a', 'ENOENT']);
});

test('a file of the layer over a directory of the node hides what is in it', (t) => {
  t.is(at(new Trees(t).layer('d').node('d/a').view(), '/d/a'), 'ENOTDIR');
});

test('symbolic links lead from the layer to the node and back, inside the root', (t) => {
  const view = new Trees(t)
    .layer('layer/file')
    .node('node/file')
    .link('upper', 'up', '/node')
    .link('root', 'down', '/layer/file')
    .link('upper', 'node/rel', '../layer/./file')
    .view();
  t.deepEqual(
    [at(view, '/up/file'), at(view, '/down'), at(view, '/up/rel')],
    ['node:node/file', 'layer:layer/file', 'layer:layer/file'],
  );
  t.is(view.find(fromText('/up/rel'))?.path, fromText('/layer/file'));
});

test('.. never leaves the root, and follows the real parent', (t) => {
  const view = new Trees(t).node('a').node('x/y/f').node('x/g').link('root', 'l', 'x/y').view();
  t.is(at(view, '/../../../a'), 'node:a');
  t.is(at(view, '/l/../g'), 'node:x/g');
  t.is(at(view, '/nowhere/../a'), 'ENOENT');
});

test('links that lead to themselves, and names that are too long', (t) => {
  const view = new Trees(t).link('upper', 'a', 'b').link('upper', 'b', 'a').view();
  t.is(at(view, '/a'), 'ELOOP');
  t.is(at(view, `/${'x/'.repeat(3000)}`), 'ENAMETOOLONG');
});

test('a chain of 40 links is followed, one of 41 is not', (t) => {
  const trees = new Trees(t).layer('end');
  for (let i = 1; i <= 41; i++) trees.link('upper', `l${i}`, i === 1 ? 'end' : `l${i - 1}`);
  const view = trees.view();
  t.deepEqual([at(view, '/l40'), at(view, '/l41')], ['layer:end', 'ELOOP']);
});

test('a trailing slash asks for a directory', (t) => {
  const view = new Trees(t).layer('d/f').view();
  t.deepEqual([at(view, '/d/'), at(view, '/d/f/'), at(view, '/')], ['directory', 'ENOTDIR', 'directory']);
});

test('hardlinks of the layer are one inode, with one content', (t) => {
  const trees = new Trees(t).layer('a');
  linkSync(join(trees.upper, 'a'), join(trees.upper, 'b'));
  const view = trees.view();
  const [a, b] = [view.find(fromText('/a')), view.find(fromText('/b'))];
  t.is(a?.identity, b?.identity as string);
  t.is(b?.layer?.content, a?.layer?.content as number);
});

test('names of any bytes', (t) => {
  const trees = new Trees(t).layer('d/x');
  renameSync(
    join(trees.upper, 'd/x'),
    Buffer.concat([Buffer.from(`${trees.upper}/d/`), Buffer.from([0xff, 0x0a])]),
  );
  const view = trees.view();
  t.deepEqual(view.list(fromText('/d')) as string[], ['\xff\n']);
  const found = view.find('/d/\xff\n' as ByteString);
  t.is(found?.reader.read(0, 100).toString(), 'layer:d/x');
});

test('neither fifos nor devices are read', (t) => {
  const trees = new Trees(t);
  execFileSync('mkfifo', [join(trees.root, 'fifo'), join(trees.upper, 'pipe')]);
  const view = trees.view();
  t.deepEqual([at(view, '/fifo'), at(view, '/pipe')], ['other', 'other']);
});

test('a file that became a symbolic link, or a fifo, after the scan is not read', (t) => {
  const trees = new Trees(t).layer('a').layer('b').layer('d/c').node('secret');
  const view = trees.view();
  for (const name of ['a', 'b', 'd']) rmSync(join(trees.upper, name), { recursive: true });
  symlinkSync(join(trees.root, 'secret'), join(trees.upper, 'a'));
  execFileSync('mkfifo', [join(trees.upper, 'b')]);
  writeFileSync(join(trees.root, 'c'), 'secret');
  symlinkSync(trees.root, join(trees.upper, 'd'));
  t.deepEqual([at(view, '/a'), at(view, '/b'), at(view, '/d/c')], ['', '', '']);
});
