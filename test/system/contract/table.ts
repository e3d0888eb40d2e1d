/** The table in docs/contract.md: which operations differ from a copied environment, with which hook, and why. */
import type { Observed } from './environments.js';

export const TABLE_PATH = new URL('../../../../docs/contract.md', import.meta.url).pathname;

/** By operation, and by the beginning of the variants' names. */
export type Known = Readonly<Record<string, Readonly<Record<string, string>>>>;

const ACROSS =
  'A file that was first opened before it had arrived is read from the FUSE mount, and between file systems the ' +
  "kernel says EXDEV, as it does for the node's own files in any environment. Programs then read and write.";

export const KNOWN: Known = {
  st_blocks: {
    '':
      'Where the holes of a file are is not known on the node before it has arrived: until then its number of ' +
      'blocks is that of its size (what FUSE serves keeps it). `du` shows more, the sizes are right.',
  },
  'SEEK_HOLE, SEEK_DATA': {
    'fuse-native': 'libfuse 2 has no lseek: the kernel says that there are no holes. The bytes are right.',
  },
  copy_file_range: {
    tees: ACROSS,
    'fuse-native': ACROSS,
  },
  'SIGKILL of who opens': {
    'fuse-native':
      'libfuse 2 answers no interrupts here: who waits dies when the file has come, or the job ends.',
  },
  'system calls past the C library': {
    preload:
      'The library is not asked: the system call gets ELOOP, never wrong bytes. Programs known to do so ' +
      '(static ones, other loaders, Go) begin when everything is there.',
  },
};

export function knownReason(operation: string, variant: string): string | undefined {
  const reasons = Object.entries(KNOWN[operation] ?? {});
  return reasons.find(([start]) => variant.startsWith(start))?.[1];
}

export function differing(
  operations: readonly string[],
  expected: Observed,
  observed: Observed,
): readonly string[] {
  return operations.filter((_, place) => expected[place] !== observed[place]);
}

/** @param results by variant: the operations that differ */
export function renderTable(
  operations: readonly string[],
  results: ReadonlyMap<string, readonly string[]>,
): string {
  const variants = [...results.keys()];
  const reasons: string[] = [];
  const cell = (operation: string, variant: string): string => {
    if (!results.get(variant)?.includes(operation)) return 'same';
    const reason = knownReason(operation, variant) ?? 'not known';
    if (!reasons.includes(reason)) reasons.push(reason);
    return `differs (${reasons.indexOf(reason) + 1})`;
  };
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = operations.map((operation) =>
    row([operation, ...variants.map((variant) => cell(operation, variant))]),
  );
  return [
    '# One contract',
    '',
    'What a program sees of files that are missing at first, against an environment that was copied whole: results,',
    'errors, contents. Written by the run of `test/system/contract` (`TEES_WRITE_CONTRACT=1`), which fails when this',
    'table is not what it finds. Each operation is several calls, in `test/system/contract/*.c`.',
    '',
    row(['operation', ...variants.map(heading)]),
    row(['---', ...variants.map(() => '---')]),
    ...rows,
    '',
    'Why some differ:',
    '',
    ...reasons.map((reason, at) => `${at + 1}. ${reason}`),
    '',
  ].join('\n');
}

function heading(variant: string): string {
  return variant.startsWith('preload') ? variant : `fuse: ${variant}`;
}
