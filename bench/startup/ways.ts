/** How an application can be started on many nodes by Slurm: as what the login node's shell is told. */
import { APPLICATION } from './payloads.js';

export interface Place {
  /** Where the layer lies on every node already, and on the shared storage. */
  readonly present: string;
  readonly shared: string;
  /** On the login node. */
  readonly image: string;
  readonly archive: string;
  /** On each node its own. */
  readonly local: string;
  readonly nodes: number;
  /** Of Python. */
  readonly program: string;
  /** Before words that a plain user runs. */
  readonly asUser: string;
  readonly chRun: string;
  mount(image: string, directory: string): string;
}

export type WayName = 'plain' | 'fuse' | 'preload' | 'image' | 'archive' | 'shared';

export interface Way {
  readonly name: WayName;
  readonly title: string;
  /** In the user's environment; else as root, outside of any. */
  readonly inside: boolean;
  script(place: Place): string;
}

/** Where the layer is at `tree`, and not at the root. */
function application(tree: string, program: string): string {
  const libraries = ['/openblas-pthread', ''].map((place) => `${tree}/usr/lib/$ARCH${place}`);
  const variables = `PYTHONPATH=${tree}/usr/lib/python3/dist-packages LD_LIBRARY_PATH=${libraries.join(':')}`;
  return `ARCH=$(gcc -print-multiarch 2>/dev/null || echo x86_64-linux-gnu); ${variables} exec ${tree}/${APPLICATION} ${quote(program)}`;
}

const srun = ({ nodes }: Place): string => `srun -N${nodes} --ntasks-per-node=1`;
const salloc = ({ nodes }: Place): string => `salloc --quiet -N${nodes} --ntasks-per-node=1`;
const inside =
  (hook: string) =>
  (place: Place): string =>
    `${srun(place)} --tees-hook=${hook} --tees-method=p2p /${APPLICATION} ${quote(place.program)}`;

export const WAYS: readonly Way[] = [
  {
    name: 'plain',
    title: 'srun, all there',
    inside: false,
    script: (place) => `${srun(place)} sh -c ${quote(application(place.present, place.program))}`,
  },
  { name: 'fuse', title: 'TEES', inside: true, script: inside('fuse') },
  { name: 'preload', title: 'TEES, preload', inside: true, script: inside('preload') },
  {
    name: 'image',
    title: 'sbcast, ch-run',
    inside: false,
    script: (place) => {
      const { local, image, program } = place;
      const box = `${local}/root`;
      const within = `${place.asUser} ${place.chRun} ${box} -- /${APPLICATION} ${quote(program)}`;
      const task = `mkdir ${box} && ${place.mount(`${local}/image`, box)} && ${within}; umount ${box}`;
      return `${salloc(place)} sh -c ${quote(`sbcast ${image} ${local}/image && srun sh -c ${quote(task)}`)}`;
    },
  },
  {
    name: 'archive',
    title: 'sbcast, tar',
    inside: false,
    script: (place) => {
      const { local, archive, program } = place;
      const tree = `${local}/tree`;
      const task = `mkdir ${tree} && tar -xzf ${local}/archive -C ${tree} && ${application(tree, program)}`;
      return `${salloc(place)} sh -c ${quote(`sbcast ${archive} ${local}/archive && srun sh -c ${quote(task)}`)}`;
    },
  },
  {
    name: 'shared',
    title: 'shared storage',
    inside: false,
    script: (place) => `${srun(place)} sh -c ${quote(application(place.shared, place.program))}`,
  },
];

export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
