/**
 * Turns package files into a directory that can be the upper layer over a Debian root. No maintainer script
 * runs; what they would do and a program cannot do without is done here: the merged /usr, the links of
 * update-alternatives (libblas.so.3 is one), and Python's bytecode.
 */
import { chmod, lstat, mkdir, readdir, rm, rmdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './program.js';

/** On the nodes these are links into usr; a directory of that name in the layer would hide the whole of it. */
const MERGED_DIRECTORIES = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

export async function unpackPackages(
  files: readonly string[],
  root: string,
  onProgress?: (text: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  for (const name of MERGED_DIRECTORIES) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  const alternatives: Alternative[] = [];
  for (const [index, file] of files.entries()) {
    signal?.throwIfAborted();
    if (index % 10 === 0) onProgress?.(`unpacking packages, ${index} of ${files.length}`);
    await pipeline('dpkg-deb --fsys-tarfile "$1" | tar -x -p --keep-directory-symlink -C "$2"', file, root);
    alternatives.push(...parseAlternatives(await postInstallationScript(file)));
  }
  for (const name of MERGED_DIRECTORIES) {
    await rm(join(root, name));
    await rmdir(join(root, 'usr', name)).catch(() => {}); // stays when it is in use
  }
  await chmod(root, 0o755); // each archive's own top directory has set it
  await linkAlternatives(alternatives, root);
}

function pipeline(script: string, ...args: string[]): Promise<string> {
  return run('bash', ['-o', 'pipefail', '-c', script, 'bash', ...args]);
}

function postInstallationScript(file: string): Promise<string> {
  return pipeline('dpkg-deb --ctrl-tarfile "$1" | tar -xO ./postinst 2>/dev/null || true', file);
}

interface Alternative {
  readonly link: string;
  readonly name: string;
  readonly path: string;
  readonly priority: number;
}

/** The calls of update-alternatives that are written out; those put together at run time are left alone. */
export function parseAlternatives(script: string): Alternative[] {
  const found: Alternative[] = [];
  for (const line of script.replaceAll('\\\n', ' ').split('\n')) {
    const install = /update-alternatives.*?--install\s+(\S+)\s+(\S+)\s+(\S+)\s+(\d+)(.*)/.exec(line);
    if (!install || /[$"'`]/.test(line)) continue;
    const priority = Number(install[4]);
    found.push({ link: install[1]!, name: install[2]!, path: install[3]!, priority });
    for (const slave of install[5]!.matchAll(/--slave\s+(\S+)\s+(\S+)\s+(\S+)/g))
      found.push({ link: slave[1]!, name: slave[2]!, path: slave[3]!, priority });
  }
  return found;
}

async function linkAlternatives(alternatives: readonly Alternative[], root: string): Promise<void> {
  const byPriority = [...alternatives].sort((a, b) => b.priority - a.priority);
  for (const { link, name, path } of byPriority) {
    if (!(await exists(join(root, path))) || (await exists(join(root, link)))) continue;
    await mkdir(join(root, 'etc/alternatives'), { recursive: true });
    await mkdir(dirname(join(root, link)), { recursive: true });
    await rm(join(root, 'etc/alternatives', name), { force: true });
    await symlink(path, join(root, 'etc/alternatives', name));
    await symlink(`/etc/alternatives/${name}`, join(root, link));
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/**
 * What py3compile does at installation. Without it every run on every node compiles each module it imports and,
 * as a plain user, cannot keep the result. Done by the layer's own Python, whose bytecode format may not be the
 * host's, straight from the layer's directory.
 */
export async function compilePython(
  root: string,
  onProgress?: (text: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const programs = await readdir(join(root, 'usr/bin')).catch(() => []);
  const python = programs.find((name) => /^python3\.\d+$/.test(name));
  if (!python) return;
  onProgress?.('compiling Python modules');
  const libraries = [join(root, 'usr/lib', python), join(root, 'usr/lib/python3')];
  const multiarch = (await readdir(join(root, 'usr/lib'))).filter((name) => name.includes('-linux-gnu'));
  const path = multiarch.map((name) => join(root, 'usr/lib', name)).join(':');
  // Modules that are no valid Python (templates, tests of the parser) make the status 1; they stay uncompiled.
  const command = '"$@" || [ $? -eq 1 ]';
  const compile = ['-S', '-m', 'compileall', '-q', '-q', '-j', '0', '-s', root, '-p', '/', ...libraries];
  await run('sh', ['-c', command, 'sh', join(root, 'usr/bin', python), ...compile], {
    env: { LD_LIBRARY_PATH: path, PYTHONHOME: join(root, 'usr'), PYTHONDONTWRITEBYTECODE: '' },
    signal,
  });
}
