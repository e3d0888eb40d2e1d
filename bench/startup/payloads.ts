/** Environments whose start is measured: what users install, and a program that needs it. Data, and how they are made. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CATALOGUE } from '../layers/catalogue.js';
import { prepareDebianLayer } from '../layers/debian.js';
import { layerDirectories } from '../layers/places.js';
import { run } from '../layers/program.js';
import type { TrialContext } from '../trial.js';

const SOURCE = fileURLToPath(new URL('../../../bench/startup/application.c', import.meta.url));
/** Says on which node and when it is done. */
const DONE = 'import socket, time; print(socket.gethostname(), "done", time.time_ns())';
const SUM = 'import numpy; assert int(numpy.arange(10).sum()) == 45';

export interface Payload {
  readonly name: string;
  readonly packages: readonly string[];
  readonly without: readonly string[];
  /** Of Python. */
  readonly program: string;
  /** About, in bytes. */
  readonly bytes: number;
}

export const PAYLOADS: readonly Payload[] = [
  { ...CATALOGUE.scipy, program: `${CATALOGUE.scipy.command[2]}\n${DONE}` },
  {
    name: 'numpy',
    packages: ['python3-numpy', 'libopenblas0-pthread'],
    without: [],
    program: `${SUM}\n${DONE}`,
    bytes: 75_000_000,
  },
];

/** In the layer. */
export const APPLICATION = 'opt/application/start';

/** What an image has to have besides, because a container's root has nothing of the node. */
const BASE = `base-files libc6 libc-bin dash coreutils libselinux1 libpcre2-8-0 libacl1 libattr1 libgmp10 python3 python3-minimal
  python3.11 python3.11-minimal libpython3.11-minimal libpython3.11-stdlib zlib1g libexpat1 libbz2-1.0 liblzma5 libffi8
  libssl3 libgcc-s1 libstdc++6 libcrypt1 libnsl2 libtirpc3 libuuid1`;

export interface Prepared {
  readonly scratch: string;
  /** The layer, with the application. */
  readonly layer: string;
  /** The same over a base, a whole root. */
  readonly root: string;
}

export async function preparePayload(context: TrialContext, payload: Payload): Promise<Prepared> {
  const { packages, without, name } = payload;
  const scratch = mkdtempSync(join(tmpdir(), 'tees-startup-'));
  context.cleanup.push('the layers', () => rmSync(scratch, { recursive: true, force: true }));
  const { directory } = await prepareDebianLayer({
    ...{ packages, without },
    ...layerDirectories(name),
    onProgress: (text) => context.say(`${name}: ${text}`),
  });
  await run('chmod', ['755', scratch]);
  const [layer, root] = [join(scratch, 'layer'), join(scratch, 'root')];
  cpSync(directory, layer, { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(layer, 'opt/application'), { recursive: true });
  await run('gcc', ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', SOURCE, '-o', join(layer, APPLICATION)]);
  mkdirSync(root);
  const base = BASE.split(/\s+/).join(' ');
  // Files, not directories: those are made as they are needed; a link of the node's for one stays one.
  const script = `set -e; cd /
    for link in bin sbin lib lib64; do mkdir -p ${root}/usr/$link; ln -s usr/$link ${root}/$link; done
    dpkg-query -L ${base} | sort -u | while read -r path; do
      [ -d "$path" ] && [ ! -L "$path" ] || printf '.%s\\0' "$path"; done |
    tar --create --null --no-recursion --ignore-failed-read --files-from=- 2>/dev/null | tar --extract --keep-directory-symlink --directory=${root}
    mkdir -p ${root}/proc ${root}/sys ${root}/dev ${root}/tmp ${root}/etc ${root}/home ${root}/root ${root}/mnt ${root}/srv ${root}/media
    touch ${root}/etc/resolv.conf ${root}/etc/hosts ${root}/etc/passwd ${root}/etc/group
    cp -a ${layer}/. ${root}/`;
  await run('sh', ['-c', script]);
  return { scratch, layer, root };
}
