/** What is done to a layer between two deployments, as a user does it. Each leaves the layer otherwise as it was. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

export interface Edit {
  readonly name: string;
  /** @returns bytes that are new */
  make(upper: string): number;
}

const LINE = '# a line more\n';
const PART_BYTES = 4096;
const NEW_BYTES = 1_000_000;
const NEW = 'usr/lib/new-data';
const SCRIPT = 'usr/lib/python3/dist-packages/scipy/version.py';

export const EDITS: readonly Edit[] = [
  { name: 'nothing', make: () => 0 },
  {
    name: 'a line at the end of a script',
    make: (upper) => {
      appendFileSync(join(upper, SCRIPT), LINE);
      return statSync(join(upper, SCRIPT)).size;
    },
  },
  {
    name: '4 KiB in the middle of the largest file',
    make: (upper) => {
      const { path, size } = largestFile(upper);
      const fd = openSync(path, 'r+');
      writeSync(fd, randomBytes(PART_BYTES), 0, PART_BYTES, size >> 1);
      closeSync(fd);
      return PART_BYTES;
    },
  },
  {
    name: 'a new file of 1 MB',
    make: (upper) => {
      writeFileSync(join(upper, NEW), randomBytes(NEW_BYTES));
      return NEW_BYTES;
    },
  },
  {
    name: 'all files touched, not changed',
    make: (upper) => {
      execFileSync('find', [upper, '-type', 'f', '-exec', 'touch', '{}', '+']);
      return 0;
    },
  },
  {
    name: 'the same for another user',
    make: (upper) => {
      execFileSync('chown', ['-R', '65534:65534', upper]);
      return 0;
    },
  },
];

/** Relative paths of the files that are edited, as far as they are there. */
export function editedFiles(upper: string): string[] {
  const paths = [SCRIPT, NEW, largestFile(upper).path.slice(upper.length + 1)];
  return paths.filter((path) => existsSync(join(upper, path)));
}

function largestFile(directory: string): { path: string; size: number } {
  let largest = { path: '', size: -1 };
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size } = statSync(path);
    if (size > largest.size) largest = { path, size };
  }
  return largest;
}
