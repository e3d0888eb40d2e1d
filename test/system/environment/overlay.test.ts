/** What is seen inside, against an overlay of the original upper layer over the same root. */
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { native } from '../../../src/base/native.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { compareTrees } from '../../support/compare-trees.js';
import { directory, entry, file, symlink } from '../../support/manifest-parts.js';
import { SPECIAL, makeSpecialLayer, makeWhiteout } from '../../support/special-layer.js';
import {
  LAYOUTS,
  USER,
  makeArrivedJob,
  makeJob,
  makeNodeDirectory,
  makeStore,
  makeUpper,
  rootTest,
  runTask,
  startLongTask,
} from './fixture.js';
import type { Job } from './fixture.js';

/** A read-only overlay of the layer over `/`, as the login node shows it. */
function mountReference(t: ExecutionContext, upper: string): string {
  const reference = join(makeStore(t), 'reference');
  mkdirSync(reference);
  execFileSync('mount', ['-t', 'overlay', '-o', `ro,lowerdir=${upper}:/`, 'tees-test', reference]);
  return reference;
}

async function scanned(t: ExecutionContext, upper: string): Promise<Job> {
  const source = await scanLayer(upper);
  t.teardown(() => source.close());
  return makeArrivedJob(t, source);
}

rootTest('every special case is inside as it is in the layer, whatever the layout', async (t) => {
  const upper = makeUpper(t);
  await makeSpecialLayer(upper);
  // Its digest would take minutes.
  rmSync(join(upper, SPECIAL, 'sparse', 'huge'), { force: true });
  for (const layout of LAYOUTS) {
    const { root } = await startLongTask(t, await scanned(t, upper), ['sleep', '600'], { layout });
    t.deepEqual(compareTrees(join(root, SPECIAL), join(upper, SPECIAL)), [], layout);
    t.true(readdirSync(join(root, SPECIAL)).length > 5);
  }
});

for (const layout of LAYOUTS) {
  rootTest(`${layout}: whiteouts, opaque and merged directories act on the node's own`, async (t) => {
    const node = makeNodeDirectory(t);
    if (node === undefined) return skip(t, 'every writable directory is on another file system than /');
    for (const name of ['hidden', 'opaque/old', 'merged/node', 'replaced/old', 'file-over-directory/old']) {
      mkdirSync(dirname(join(node, name)), { recursive: true, mode: 0o755 });
      writeFileSync(join(node, name), 'of the node');
    }
    execFileSync('chmod', ['-R', 'a+rX', node]);
    const upper = makeUpper(t);
    const layer = join(upper, node);
    mkdirSync(join(layer, 'merged'), { recursive: true, mode: 0o755 });
    makeWhiteout(join(layer, 'hidden'));
    mkdirSync(join(layer, 'opaque'));
    writeFileSync(join(layer, 'merged', 'layer'), 'of the layer');
    writeFileSync(join(layer, 'file-over-directory'), 'a file now');
    writeFileSync(join(layer, 'opaque', 'new'), 'of the layer');
    native().setXattr(
      Buffer.from(join(layer, 'opaque')),
      Buffer.from('trusted.overlay.opaque'),
      Buffer.from('y'),
    );
    const { root } = await startLongTask(t, await scanned(t, upper), ['sleep', '600'], { layout });
    t.deepEqual(compareTrees(join(root, node), join(mountReference(t, upper), node)), []);
    t.deepEqual(readdirSync(join(root, node)).sort(), [
      'file-over-directory',
      'merged',
      'opaque',
      'replaced',
    ]);
    t.deepEqual(readdirSync(join(root, node, 'merged')).sort(), ['layer', 'node']);
    t.deepEqual(readdirSync(join(root, node, 'opaque')), ['new']);
  });

  rootTest(`${layout}: what the task writes is its own, and the layer's contents stay`, async (t) => {
    const job = await makeJob(
      t,
      directory('data', { uid: USER, gid: USER }),
      withOwner(file('data/appended', 'from the layer')),
      withOwner(file('data/renamed', 'renamed content')),
      withOwner(file('data/removed', 'removed content')),
      withOwner(file('data/mode', 'mode content')),
    );
    const script = [
      'echo " and more" >>appended',
      'mv renamed elsewhere',
      'rm removed',
      'chmod 600 mode',
      'cat appended elsewhere mode',
      'ls',
    ].join(' && ');
    const { stdout, stderr } = await runTask(job, ['sh', '-c', script], { layout, cwd: '/data' });
    t.is(stderr, '');
    t.is(stdout, 'from the layer and more\nrenamed contentmode contentappended\nelsewhere\nmode\n');
    const contents = join(job.directories.contents, '.tees');
    t.is(readFileSync(join(contents, '0'), 'utf8'), 'from the layer');
    t.deepEqual(readdirSync(contents), ['0', '1', '2', '3']);
  });

  rootTest(`${layout}: the layers' own directory never shows`, async (t) => {
    const job = await makeJob(t, directory(''), file('seen', 'x'));
    const { stdout, stderr, status } = await runTask(job, ['sh', '-c', 'ls -a /; ls /.tees'], { layout });
    t.false(stdout.split('\n').includes('.tees'));
    t.true(stdout.split('\n').includes('seen'));
    t.regex(stderr, /No such file/);
    t.not(status, 0);
  });
}

rootTest('the root directory has the metadata that the layer gives it', async (t) => {
  const job = await makeJob(t, directory('', { mode: 0o751, uid: 7, gid: 8, mtimeNanoseconds: 5 }));
  const { stdout } = await runTask(job, ['stat', '-c', '%a %u %g %y', '/'], { env: { TZ: 'UTC' } });
  t.is(stdout, '751 7 8 2023-11-14 22:13:20.000000005 +0000\n');
});

rootTest('the root directory is as on the node when the layer says nothing of it', async (t) => {
  const job = await makeJob(t, directory('opt'));
  const { stdout } = await runTask(job, ['stat', '-c', '%a %u %g %Y', '/']);
  const { mode, uid, gid, mtimeMs } = statSync('/');
  t.is(stdout, `${(mode & 0o7777).toString(8)} ${uid} ${gid} ${Math.floor(mtimeMs / 1000)}\n`);
});

rootTest('hardlinks are one inode inside', async (t) => {
  const job = await makeJob(
    t,
    file('a-first', 'linked'),
    directory('d'),
    entry('d/second', 'file', { size: 6, hardlinkTo: 0 }),
    symlink('e', 'd/second'),
  );
  const { root } = await startLongTask(t, job);
  const [one, two] = [lstatSync(join(root, 'a-first')), lstatSync(join(root, 'd/second'))];
  t.is(one.ino, two.ino);
  t.is(two.nlink, 2);
  t.is(readFileSync(join(root, 'd/second'), 'utf8'), 'linked');
});

function withOwner(part: ReturnType<typeof file>): ReturnType<typeof file> {
  return { ...part, entry: { ...part.entry, uid: USER, gid: USER, mode: 0o644 } };
}

function skip(t: ExecutionContext, reason: string): void {
  t.log(`skipped: ${reason}`);
  t.pass();
}
