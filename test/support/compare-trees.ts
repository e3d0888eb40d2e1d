/** Whether two directory trees are the same in everything that a program could see. */
import type { ByteString } from '../../src/base/bytes.js';
import type { Description } from './describe-tree.js';
import { describeEntries, escapeBytes } from './describe-tree.js';

export { describeTree } from './describe-tree.js';

export interface CompareOptions {
  /** Only these paths and what lies below them. */
  readonly only?: readonly ByteString[];
}

/** @returns a line for each difference; none when the trees are alike */
export function compareTrees(a: string, b: string, options: CompareOptions = {}): string[] {
  const [left, right] = [describeEntries(a), describeEntries(b)];
  const differences: string[] = [];
  const paths = [...new Set([...left.keys(), ...right.keys()])].sort((x, y) => (x < y ? -1 : 1));
  for (const path of paths) {
    if (!isWanted(path, options.only)) continue;
    const [one, other] = [left.get(path), right.get(path)];
    if (one && other) differences.push(...compareEntries(escapeBytes(path), one, other));
    else differences.push(`${escapeBytes(path)}: only in ${one ? a : b}`);
  }
  return differences;
}

function compareEntries(path: string, one: Description, other: Description): string[] {
  const fields = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return fields
    .filter((field) => one[field] !== other[field])
    .map((field) => `${path}: ${field} ${one[field] ?? 'absent'} != ${other[field] ?? 'absent'}`);
}

function isWanted(path: ByteString, only: readonly ByteString[] | undefined): boolean {
  return !only || only.some((wanted) => path === wanted || path.startsWith(`${wanted}/`));
}
