/** Layers from Debian packages, copied so that a test may add to them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CATALOGUE } from '../../bench/layers/catalogue.js';
import type { CatalogueName } from '../../bench/layers/catalogue.js';
import { prepareDebianLayer } from '../../bench/layers/debian.js';
import { layerDirectories } from '../../bench/layers/places.js';

const run = promisify(execFile);

export interface LayerCopy {
  readonly directory: string;
  remove(): Promise<void>;
}

export async function copyLayer(name: CatalogueName): Promise<LayerCopy> {
  const { packages, without } = CATALOGUE[name];
  const layer = await prepareDebianLayer({ packages, without, ...layerDirectories(name) });
  const scratch = await mkdtemp(join(tmpdir(), `tees-layer-${name}-`));
  const directory = join(scratch, 'upper');
  await run('cp', ['-a', layer.directory, directory]);
  return { directory, remove: () => rm(scratch, { recursive: true, force: true }) };
}

/** Runs a command in the login side's view of a layer, whose directory is the upper layer over `/`: nothing is late. */
export async function runInReference(layer: string, argv: readonly string[]): Promise<string> {
  const script = `set -e
    stage=$(mktemp -d); mount -t tmpfs none "$stage"; mkdir "$stage/root"
    mkdir -p "$1.work"; mount -t overlay none -o "lowerdir=/,upperdir=$1,workdir=$1.work" "$stage/root"; shift
    mount --bind /proc "$stage/root/proc"
    status=0; chroot "$stage/root" "$@" || status=$?
    umount -R "$stage"; rmdir "$stage"; exit $status`;
  const { stdout } = await run('unshare', ['-m', 'sh', '-c', script, 'sh', layer, ...argv], {
    maxBuffer: 1 << 28,
  });
  return stdout;
}
