/** What `tees layer split` says: each urgent file with its size and reason, under who needs it; then totals. */
import { display } from '../base/bytes.js';
import type { Manifest } from '../image/manifest.js';
import { dataSize } from '../image/manifest.js';
import { EARLIER_RUN } from '../planning/learnt.js';
import type { Split, SplitLearnt, UrgentFile, UrgentReason } from '../planning/split.js';
import { fit, formatBytes, formatCount } from '../report/units.js';

const REASONS: Readonly<Record<UrgentReason, string>> = {
  command: 'command',
  interpreter: 'interpreter',
  library: 'library',
  'loader-configuration': 'loader config',
  asked: 'asked for',
  learnt: 'learnt',
  sparse: 'sparse',
  'c-library': 'C library',
  'not-covered': 'not covered',
};
const READ_EARLIER = 'read at start-up by an earlier run';
const INDENT = 2;
const SIZE_WIDTH = 7;
const REASON_WIDTH = 13;

export interface SplitFacts {
  readonly urgent: readonly {
    readonly path: string;
    readonly reason: UrgentReason;
    readonly neededBy: string;
    readonly bytes: number;
  }[];
  readonly missing: readonly { readonly name: string; readonly neededBy: string; readonly hint?: string }[];
  /** Contents: files with data, hardlinks and equal files once. */
  readonly files: { readonly total: number; readonly urgent: number; readonly hysteretic: number };
  /** Of data, which travel; holes do not. */
  readonly bytes: { readonly total: number; readonly urgent: number; readonly hysteretic: number };
  /** Because of earlier runs; absent when nobody could be asked, or asked not to. */
  readonly learnt?: Omit<SplitLearnt, 'key'>;
}

export function splitFacts(manifest: Manifest, split: Split): SplitFacts {
  const bytesOf = (contents: readonly number[]): number =>
    contents.reduce((sum, content) => sum + sizeOf(manifest, content), 0);
  const total = bytesOf(split.order);
  const urgent = bytesOf(split.order.slice(0, split.urgentCount));
  return {
    urgent: split.urgent.map((file) => ({
      path: `/${display(file.path)}`,
      reason: file.reason,
      neededBy: display(file.neededBy),
      bytes: sizeOf(manifest, file.content),
    })),
    missing: split.missing.map(({ name, neededBy, hint }) => ({
      name: display(name),
      neededBy: display(neededBy),
      ...(hint === undefined ? {} : { hint }),
    })),
    files: {
      total: split.order.length,
      urgent: split.urgentCount,
      hysteretic: split.order.length - split.urgentCount,
    },
    bytes: { total, urgent, hysteretic: total - urgent },
    ...learntFacts(split.learnt),
  };
}

function learntFacts(learnt: SplitLearnt | undefined): Pick<SplitFacts, 'learnt'> {
  if (!learnt) return {};
  const { lastRun, urgent, first } = learnt;
  return { learnt: { ...(lastRun ? { lastRun } : {}), urgent, first } };
}

/** Lines of at most `columns`, each with its newline. */
export function splitToText(manifest: Manifest, split: Split, columns: number): string {
  const facts = splitFacts(manifest, split);
  const lines: string[] = [];
  for (const [neededBy, files] of byNeed(split.urgent)) {
    lines.push(neededBy === EARLIER_RUN ? READ_EARLIER : `needed by ${display(neededBy)}`);
    for (const file of files) lines.push(row(manifest, file, columns));
  }
  if (lines.length > 0) lines.push('');
  for (const { name, neededBy, hint } of facts.missing) {
    lines.push(`warning: not found: ${name}, needed by ${neededBy}`);
    if (hint !== undefined) lines.push(`  ${hint}`);
  }
  const share = (files: number, bytes: number): string =>
    `${formatCount(files, 'file')}, ${formatBytes(bytes)}`;
  const percent = facts.bytes.total === 0 ? 0 : (100 * facts.bytes.urgent) / facts.bytes.total;
  lines.push(
    `urgent      ${share(facts.files.urgent, facts.bytes.urgent)} (${percent.toFixed(1)} % of the bytes)`,
    `hysteretic  ${share(facts.files.hysteretic, facts.bytes.hysteretic)}`,
    ...(facts.learnt?.first.files
      ? [
          `  first, as an earlier run has read them: ${share(facts.learnt.first.files, facts.learnt.first.bytes)}`,
        ]
      : []),
  );
  return lines.map((line) => `${fit(line, columns)}\n`).join('');
}

function byNeed(files: readonly UrgentFile[]): Map<UrgentFile['neededBy'], UrgentFile[]> {
  const groups = new Map<UrgentFile['neededBy'], UrgentFile[]>();
  for (const file of files) groups.set(file.neededBy, [...(groups.get(file.neededBy) ?? []), file]);
  return groups;
}

function row(manifest: Manifest, file: UrgentFile, columns: number): string {
  const size = formatBytes(sizeOf(manifest, file.content)).padStart(SIZE_WIDTH);
  const start = `${' '.repeat(INDENT)}${size}  ${REASONS[file.reason].padEnd(REASON_WIDTH)}  `;
  return start + fit(`/${display(file.path)}`, Math.max(1, columns - start.length));
}

function sizeOf(manifest: Manifest, content: number): number {
  const it = manifest.contents[content];
  return it ? dataSize(it) : 0;
}
