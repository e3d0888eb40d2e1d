import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { parseAlternatives, unpackPackages } from '../../../../bench/layers/unpack.js';

function hasDpkg(): boolean {
  try {
    execFileSync('dpkg-deb', ['--version']);
    return true;
  } catch {
    return false;
  }
}

const onDebian = hasDpkg() ? test : test.skip;
const where = hasDpkg() ? '' : ' (skipped: dpkg-deb is missing)';

/** A real package file out of `files`, and of a script that installation would run. */
async function buildPackage(
  directory: string,
  name: string,
  files: Record<string, string>,
  script = '',
): Promise<string> {
  const tree = join(directory, name);
  const control = `Package: ${name}\nVersion: 1\nArchitecture: all\nMaintainer: none <none@invalid>\nDescription: -\n`;
  const all = { 'DEBIAN/control': control, 'DEBIAN/postinst': `#!/bin/sh\n${script}`, ...files };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  await chmod(join(tree, 'DEBIAN/postinst'), 0o755);
  await chmod(tree, 0o700); // packages exist whose own top directory would close the whole layer
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, `${tree}.deb`], { stdio: 'pipe' });
  return `${tree}.deb`;
}

onDebian(
  `what packages ship in /bin and /lib lands in usr, and no directory hides the node's links${where}`,
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'tees-unpack-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const root = join(directory, 'layer');
    const packages = [
      await buildPackage(directory, 'old', { 'bin/tool': 'tool', 'lib/x/libold.so': 'old' }),
      await buildPackage(directory, 'new', { 'usr/lib/x/libnew.so': 'new' }),
    ];
    await unpackPackages(packages, root);
    t.is(await readFile(join(root, 'usr/bin/tool'), 'utf8'), 'tool');
    t.is(await readFile(join(root, 'usr/lib/x/libold.so'), 'utf8'), 'old');
    t.is(await readFile(join(root, 'usr/lib/x/libnew.so'), 'utf8'), 'new');
    for (const name of ['bin', 'lib', 'sbin', 'lib64', 'usr/sbin', 'usr/lib64'])
      await t.throwsAsync(lstat(join(root, name)), { code: 'ENOENT' }, name);
    t.is((await lstat(root)).mode & 0o777, 0o755);
  },
);

onDebian(
  `the alternative with the highest priority is linked as an installation would${where}`,
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'tees-unpack-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const root = join(directory, 'layer');
    const offer = (kind: string, priority: number): string =>
      `update-alternatives --install /usr/lib/libblas.so.3 blas /usr/lib/${kind}/libblas.so.3 ${priority}\n`;
    const packages = [
      await buildPackage(directory, 'slow', { 'usr/lib/slow/libblas.so.3': 'slow' }, offer('slow', 10)),
      await buildPackage(directory, 'fast', { 'usr/lib/fast/libblas.so.3': 'fast' }, offer('fast', 100)),
      await buildPackage(directory, 'gone', {}, offer('gone', 1000)),
    ];
    await unpackPackages(packages, root);
    t.is(await readlink(join(root, 'usr/lib/libblas.so.3')), '/etc/alternatives/blas');
    t.is(await readlink(join(root, 'etc/alternatives/blas')), '/usr/lib/fast/libblas.so.3');
  },
);

test('alternatives are read with their slaves over continued lines; what is put together is left alone', (t) => {
  const script = [
    'update-alternatives \\',
    '  --install /usr/bin/mpirun mpirun /usr/bin/mpirun.openmpi 50 \\',
    '  --slave /usr/bin/mpiexec mpiexec /usr/bin/mpiexec.openmpi',
    'update-alternatives --install "$link" name "$path" 10',
  ].join('\n');
  t.deepEqual(parseAlternatives(script), [
    { link: '/usr/bin/mpirun', name: 'mpirun', path: '/usr/bin/mpirun.openmpi', priority: 50 },
    { link: '/usr/bin/mpiexec', name: 'mpiexec', path: '/usr/bin/mpiexec.openmpi', priority: 50 },
  ]);
});
