/** A layer's changes, for a person. Pure. */
import { display } from '../base/bytes.js';
import { formatBytes, formatCount } from '../report/units.js';
import type { Change, ChangeKind } from '../scan/layer-diff.js';

/** As other tools have them: A, M and D; m for what a file is called to be, and R for what has taken its place. */
const LETTERS: Readonly<Record<ChangeKind, string>> = {
  added: 'A',
  modified: 'M',
  metadata: 'm',
  deleted: 'D',
  replaced: 'R',
};
const SIZE_COLUMNS = 9;

export function diffText(changes: readonly Change[]): string {
  const lines = changes.map(({ kind, path, type, size }) => {
    const bytes = type === 'file' && kind !== 'metadata' ? formatBytes(size) : '';
    const slash = type === 'directory' ? '/' : '';
    return `${LETTERS[kind]} ${bytes.padStart(SIZE_COLUMNS)}  /${display(path)}${slash}`;
  });
  return [...lines, ...(lines.length > 0 ? [''] : []), summary(changes), ''].join('\n');
}

function summary(changes: readonly Change[]): string {
  if (changes.length === 0) return 'Nothing is changed.';
  const counts = (Object.keys(LETTERS) as ChangeKind[]).flatMap((kind) => {
    const count = changes.filter((change) => change.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind === 'metadata' ? 'in mode or owner alone' : kind}`];
  });
  const bytes = changes.reduce((sum, { kind, size }) => (kind === 'metadata' ? sum : sum + size), 0);
  return `${formatCount(changes.length, 'change')}: ${counts.join(', ')}; ${formatBytes(bytes)}`;
}
