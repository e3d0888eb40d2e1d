/** What the trial `hook` measures: ways to serve, moments of arrival, and the steps of each. Data only. */
import type { LayoutName } from '../../src/config/config.js';

export interface Way {
  readonly name: string;
  readonly hook: 'fuse' | 'preload';
  readonly fuseEngine: 'tees' | 'fuse-native';
  readonly layout: LayoutName;
  /** The aims are its. */
  readonly ours: boolean;
}

/** What all are compared with: overlayfs over a whole copy, with nothing of ours. */
export const NATIVE = 'native';

/**
 * The layouts alone, mounted by hand over a names layer and all contents, with nobody to serve anything: what nobody who
 * uses these layouts can be faster than. By the layouts' names; measured for files that are there from the beginning.
 */
export const BY_HAND = { 'data-only': 'hand/d', stacked: 'hand/s' } as const satisfies Readonly<
  Record<LayoutName, string>
>;

export const WAYS: readonly Way[] = [
  { name: 'tees/d', hook: 'fuse', fuseEngine: 'tees', layout: 'data-only', ours: true },
  { name: 'tees/s', hook: 'fuse', fuseEngine: 'tees', layout: 'stacked', ours: true },
  { name: 'f-n/d', hook: 'fuse', fuseEngine: 'fuse-native', layout: 'data-only', ours: false },
  { name: 'f-n/s', hook: 'fuse', fuseEngine: 'fuse-native', layout: 'stacked', ours: false },
  { name: 'preload', hook: 'preload', fuseEngine: 'tees', layout: 'data-only', ours: false },
];

export interface Case {
  readonly name: string;
  /** The client's figure is divided by this. */
  readonly unit: number;
  /** Of native, for files that arrived before their first open. */
  readonly aim: number;
}

/** By their keys in what a round gives. */
export const CASES = {
  read: { name: 'sequential read, MB/s', unit: 1e6, aim: 0.95 },
  map: { name: 'mmap read, MB/s', unit: 1e6, aim: 0.95 },
  openCold: { name: 'small files cold, k/s', unit: 1e3, aim: 0.85 },
  openWarm: { name: 'small files warm, k/s', unit: 1e3, aim: 0.85 },
  stat: { name: 'stat cold, k/s', unit: 1e3, aim: 0.9 },
  walk: { name: 'readdir, stat cold, k/s', unit: 1e3, aim: 0.9 },
  list: { name: 'readdir cold, k/s', unit: 1e3, aim: 0.85 },
} as const satisfies Readonly<Record<string, Case>>;

export type CaseName = keyof typeof CASES;

/** What a trial is made with; all files are in directories of `perDirectory`. */
export interface Sizes {
  readonly rounds: number;
  readonly largeBytes: number;
  readonly smallBytes: number;
  readonly directories: number;
  readonly perDirectory: number;
  readonly names: number;
  readonly blocked: number;
}

const FULL: Sizes = {
  rounds: 5,
  largeBytes: 512 << 20,
  smallBytes: 4096,
  directories: 100,
  perDirectory: 100,
  names: 100_000,
  blocked: 1000,
};

export const SIZES = {
  full: FULL,
  quick: { ...FULL, rounds: 1, largeBytes: 128 << 20, directories: 40, perDirectory: 50 },
} as const satisfies Readonly<Record<string, Sizes>>;

/** What is done between two measurements: with the environment, or with what has arrived. */
export type Action = 'open all, deliver on demand' | 'deliver all' | 'retire';
export type Step = { readonly measure: CaseName } | { readonly act: Action };

export interface Moment {
  readonly title: string;
  readonly short: string;
  /** Whether everything that is measured is there from the beginning. */
  readonly arrived: boolean;
  readonly steps: readonly Step[];
}

const NAMES: readonly Step[] = [{ measure: 'list' }, { measure: 'walk' }, { measure: 'stat' }];
const CONTENTS: readonly Step[] = (['openCold', 'openWarm', 'read', 'map'] as const).map((measure) => ({
  measure,
}));

/**
 * Each is a fresh environment. What is cold has never been looked up in its overlay, or the hook has retired,
 * for which the overlay is remounted and the kernel forgets it; so is the native one. Every case has names of its own.
 */
export const MOMENTS = {
  before: {
    title: 'arrived before the first open',
    short: 'arrived before',
    arrived: true,
    steps: [...NAMES, ...CONTENTS],
  },
  late: {
    // Names are asked for while nothing has arrived; then everything is opened, and waits, before it is read.
    title: 'arrived after it (its open waited)',
    short: 'arrived after',
    arrived: false,
    steps: [...NAMES, { act: 'open all, deliver on demand' }, ...CONTENTS],
  },
  completed: {
    title: 'after completion (opened late too)',
    short: 'completed',
    arrived: false,
    steps: [
      { act: 'open all, deliver on demand' },
      { act: 'deliver all' },
      { act: 'retire' },
      ...NAMES,
      ...CONTENTS,
    ],
  },
} as const satisfies Readonly<Record<string, Moment>>;

export type MomentName = keyof typeof MOMENTS;

/** What a process of the trial is to do; it comes as JSON, its answer goes as JSON. */
export interface Order {
  readonly kind: 'moment' | 'blocked' | 'names';
  /** A way's name, NATIVE, or one of BY_HAND. */
  readonly way: string;
  readonly moment?: MomentName;
  readonly sizes: Sizes;
  /** On one tmpfs: `contents/ID`, `copy/` (the whole tree), and jobs. */
  readonly store: string;
  readonly clientBytes: number;
}

export interface Measured {
  readonly rates: Partial<Record<CaseName, number>>;
  /** MiB by which the page cache has grown while the two large files were read, shared memory left out. */
  readonly cachedMiB: number;
}

export interface Blocked {
  readonly threads: number;
  readonly mib: number;
  /** From the arrival until all have opened it. */
  readonly wakeMs: number;
}

export interface Names {
  readonly ms: number;
}
