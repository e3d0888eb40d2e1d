/** The trial `environment` as data: the ways into a private environment, what is measured in each, and the aim. */

/** Where things are, for the commands of a way. */
export interface Place {
  /** Below /tmp, which each way shows inside. */
  readonly directory: string;
  /** The node's root once more, without what is mounted below it. */
  readonly root: string;
  readonly home: string;
  readonly uid: number;
  readonly enter: string;
}

export interface Way {
  readonly name: WayName;
  /** For the table's head. */
  readonly title: string;
  /** Debian's packages, of those that are not our own. */
  readonly packages?: readonly string[];
  /** Of those of the keeper: whether what an environment may take is limited, as it is where nothing else is configured. */
  readonly kept?: { readonly limited: boolean };
  /** It goes on cleaning up behind its command, which is not to be in the way of others. */
  readonly restMs?: number;
  /** The words before a command that starts an environment of its own. `name`: of one that shall be found again. */
  start(place: Place, name?: string): readonly string[];
  /** The words before a command that joins one that runs; `pid`: of the node's processes, one that is in it. */
  join?(place: Place, name: string, pid: number): readonly string[];
}

export type WayName = 'direct' | 'tees' | 'unlimited' | 'bwrap' | 'ch-run' | 'podman';

export const DIRECT = 'direct';

/** The root user inside, the same directories shown, and everything that TEES separates but the network. */
const BWRAP =
  '--dev /dev --proc /proc --unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup';
const PODMAN_RUN = 'run --rm --network=host --no-hosts --log-driver=none --tmpfs=/run:notmpcopyup';

export const WAYS: readonly Way[] = [
  { name: 'direct', title: 'direct', start: () => [], join: () => [] },
  { name: 'tees', title: 'TEES', kept: { limited: true }, start: entered('tees'), join: entered('tees') },
  {
    name: 'unlimited',
    title: 'no limit',
    kept: { limited: false },
    start: entered('unlimited'),
    join: entered('unlimited'),
  },
  {
    name: 'bwrap',
    title: 'bwrap',
    packages: ['bubblewrap'],
    start: ({ root, home }) => [
      ...['bwrap', '--bind', root, '/', '--ro-bind', '/sys', '/sys', '--bind', '/tmp', '/tmp'],
      ...['--bind', home, home, '--tmpfs', '/run', ...BWRAP.split(' '), '--uid', '0', '--gid', '0'],
      ...['--die-with-parent', '--'],
    ],
    join: (_, __, pid) => [
      'nsenter',
      '-t',
      `${pid}`,
      '-U',
      '--preserve-credentials',
      '-m',
      '-p',
      '-i',
      '-u',
      '-C',
    ],
  },
  {
    name: 'ch-run',
    title: 'ch-run',
    packages: ['charliecloud-runtime'],
    start: ({ root }) => ['ch-run', '--uid=0', '--gid=0', root, '--'],
    join: ({ root }, _, pid) => ['ch-run', '--uid=0', '--gid=0', `--join-pid=${pid}`, root, '--'],
  },
  {
    name: 'podman',
    title: 'podman',
    packages: ['podman', 'crun', 'uidmap'],
    restMs: 500,
    start: (place, name) => [
      ...podman(place),
      ...PODMAN_RUN.split(' '),
      ...(name === undefined ? [] : [`--name=${name}`]),
      ...['--volume=/tmp:/tmp', '--rootfs', `${place.root}:O`],
    ],
    join: (place, name) => [...podman(place), 'exec', name],
  },
];

/** Its own overlay over the node's root, as TEES has it; images, which it has none of, would be by vfs. */
export function podman({ directory }: Pick<Place, 'directory'>): string[] {
  const at = `${directory}/podman`;
  return [
    ...[
      'podman',
      '--runtime=crun',
      '--cgroup-manager=cgroupfs',
      '--storage-driver=vfs',
      '--events-backend=none',
    ],
    ...[`--root=${at}/store`, `--runroot=${at}/run`, `--tmpdir=${at}/tmp`],
  ];
}

/** Of a keeper with its own sockets, by the name of the way. */
function entered(way: 'tees' | 'unlimited') {
  return ({ enter, directory }: Place, name = 'default'): string[] => [
    ...[enter, '--socket', `${directory}/${way}/run/environments.sock`, '--environment', name, '--'],
  ];
}

/** In the order in which the stopwatch tells them. */
export const WORK = [
  { name: 'stat', title: 'stat, the first time' },
  { name: 'statAgain', title: 'stat, again' },
  { name: 'open', title: 'open, read, close' },
  { name: 'openAgain', title: 'open, read, close again' },
  { name: 'compile', title: 'compile a C program' },
] as const;

/** What a round has measured: nanoseconds. Ways without a second step have none. */
export type Measure = 'start' | 'join' | 'stop' | (typeof WORK)[number]['name'];
export type Round = Partial<Record<Measure, number>>;

/** Of so many environments at a time, for each: KiB. */
export interface Memory {
  /** Of processes, what they share divided among them (PSS). */
  readonly processes: number;
  /** Slab, stacks, page tables and per-processor memory. */
  readonly kernel: number;
  /** What less is available (MemAvailable). */
  readonly available: number;
}

export const AIMS = [
  { measure: 'start', way: 'tees', against: 'bwrap', most: 1.5 },
] as const satisfies readonly {
  measure: Measure;
  way: WayName;
  against: WayName;
  most: number;
}[];

export interface Sizes {
  /** Of start, join and stop. */
  readonly rounds: number;
  /** Of what is done inside. */
  readonly workRounds: number;
  readonly files: number;
  readonly fileBytesMax: number;
  /** At a time, for their memory. */
  readonly environments: number;
  readonly memoryRounds: number;
}

export const SIZES: Readonly<Record<'quick' | 'full', Sizes>> = {
  quick: { rounds: 10, workRounds: 2, files: 2000, fileBytesMax: 1 << 16, environments: 8, memoryRounds: 1 },
  full: { rounds: 50, workRounds: 10, files: 5000, fileBytesMax: 1 << 16, environments: 50, memoryRounds: 3 },
};
