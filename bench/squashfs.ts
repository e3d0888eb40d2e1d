/**
 * Squashfs images, for comparison: made once on the login side, sent whole, mounted on a node, read. Debian's tools
 * are used from the host, or unpacked below build/ without the host noticing, as layers are.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TeesError } from '../src/base/errors.js';
import type { EmbeddedCluster } from '../src/emulator/cluster.js';
import { prepareDebianLayer } from './layers/debian.js';
import { layerDirectories } from './layers/places.js';
import { run } from './layers/program.js';

const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'usr/lib'];

/** A program, and what it must find in its environment. */
interface Tool {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How nodes mount images here. */
export type Mounter = (image: string, directory: string) => string;

export class Squashfs {
  private constructor(
    private readonly maker: Tool,
    /** The command that a node mounts by. */
    readonly mount: Mounter,
    /** What mounts. */
    readonly mountedBy: string,
  ) {}

  /** @throws TeesError what stands in the way of fetching Debian's tools */
  static async prepare(onProgress: (text: string) => void): Promise<Squashfs> {
    const maker = await findTool('mksquashfs', 'squashfs-tools', onProgress);
    if (await kernelMounts()) {
      const mount: Mounter = (image, directory) => `mount -t squashfs -o loop,ro '${image}' '${directory}'`;
      return new Squashfs(maker, mount, 'the kernel');
    }
    const tool = await findTool('squashfuse', 'squashfuse', onProgress);
    const variables = Object.entries(tool.env).map(([name, value]) => `${name}='${value}'`);
    const mount: Mounter = (image, directory) =>
      `${variables.join(' ')} '${tool.path}' '${image}' '${directory}'`;
    return new Squashfs(maker, mount, 'squashfuse');
  }

  /** @returns seconds that it took */
  async make(directory: string, image: string): Promise<number> {
    const began = process.hrtime.bigint();
    await run(this.maker.path, [directory, image, '-noappend', '-no-progress'], { env: this.maker.env });
    return Number(process.hrtime.bigint() - began) / 1e9;
  }

  /** Mounts an image on a node, where nobody else sees it, and reads one file. @returns seconds from mount to read */
  async mountAndRead(cluster: EmbeddedCluster, node: string, image: string, file: string): Promise<number> {
    const script = `set -e; began=$(date +%s%N); ${this.mount(image, '/mnt')}
      cat '/mnt/${file}' > /dev/null; ended=$(date +%s%N); umount /mnt; echo $((ended - began))`;
    const { status, stdout, stderr } = await cluster.exec(node, ['unshare', '--mount', 'sh', '-c', script]);
    if (status === 0) return Number(stdout) / 1e9;
    throw new TeesError('TRIAL_FAILED', `an image cannot be mounted: ${stderr.trim()}`, { node });
  }
}

async function kernelMounts(): Promise<boolean> {
  const known = await readFile('/proc/filesystems', 'utf8');
  return /\tsquashfs$/m.test(known) && existsSync('/dev/loop-control');
}

async function findTool(
  name: string,
  debianPackage: string,
  onProgress: (text: string) => void,
): Promise<Tool> {
  const places = (process.env['PATH'] ?? '').split(':').concat('/usr/sbin', '/usr/bin');
  const found = places.map((place) => join(place, name)).find((path) => existsSync(path));
  if (found !== undefined) return { path: found, env: {} };
  const { directory } = await prepareDebianLayer({
    packages: [debianPackage],
    ...layerDirectories(`tools-${debianPackage}`),
    onProgress,
  });
  const libraries = LIBRARIES.map((place) => join(directory, place)).filter((place) => existsSync(place));
  return { path: join(directory, 'usr/bin', name), env: { LD_LIBRARY_PATH: libraries.join(':') } };
}
