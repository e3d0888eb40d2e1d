/** What `tees probe` says to people, in lines of at most 80 columns: what has failed first, then the hops. Pure. */
import { bar } from '../report/bar.js';
import { fit, formatCount, formatShort, someOf, wrap } from '../report/units.js';
import { foldHostlist } from '../topology/hostlist.js';
import type { HopFailureReason } from '../wire/probe.js';
import type { DirectFact, HopFact, HopFailureFact, ProbeFacts } from '../wire/probe-question.js';

const WIDTH = 80;
const INDENT = 8;
const FAILURES_LISTED_MAX = 20;
/** As many lines as a screen has. */
const HOPS_DRAWN_MAX = 40;
const TREE_WIDTH_MAX = 30;
const TIME_WIDTH = 12;
const GROUPS_LISTED_MAX = 12;
const BAR_STYLE = { unicode: true };

const REASONS: Readonly<Record<HopFailureReason, string>> = {
  refused: 'refused: its host is up, no daemon listens there',
  unreachable: 'unreachable: the node is down, or cut off',
  silent: 'silent: its host is up, its daemon does not answer (stopped, frozen?)',
  key: 'another cluster key',
  version: 'another version of TEES',
  address: 'another node answers at its address',
  lost: 'the link broke',
  other: 'failed',
};

/** Of a link that was there before, they do not say which of its ends, or what between them, is at fault. */
const LINK_FAILURES: ReadonlySet<HopFailureReason> = new Set(['silent', 'lost']);

/** Ends with a newline. */
export function probeText(facts: ProbeFacts): string {
  const shown = facts.failures.slice(0, FAILURES_LISTED_MAX);
  const more = facts.failures.length - shown.length;
  const parts = [
    [headline(facts)],
    ...shown.map((failure) => failureLines(failure)),
    ...(more > 0 ? [[`and ${formatCount(more, 'more failed path')}: see --json`]] : []),
    ...(facts.hops.length > 0 ? [facts.hops.length <= HOPS_DRAWN_MAX ? drawTree(facts) : table(facts)] : []),
  ];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function headline({ ok, answered, nodes, took, failures, ...plan }: ProbeFacts): string {
  const { method, shape, depth, borrowed } = plan;
  const how = `${method === shape ? '' : `${method}, `}shape ${shape}, ${formatCount(depth, 'level')}`;
  const also = borrowed.length > 0 ? `, borrowed: ${someOf(borrowed, 3)}` : '';
  const count =
    answered === nodes ? formatCount(nodes, 'node') : `${answered} of ${formatCount(nodes, 'node')}`;
  const said = `${count} answered${ok ? ` in ${formatShort(took)}` : ''}`;
  const failed = failures.length === 1 ? '1 path has failed' : `${failures.length} paths have failed`;
  return wrap(ok ? `${said} (${how}${also})` : `${said}; ${failed} (${how}${also})`, WIDTH).join('\n');
}

function failureLines({ path, reason, message, direct, below }: HopFailureFact): string[] {
  return [
    ...wrap(`FAILED ${pathText(path)}`, WIDTH),
    ...indented(verdict(reason, direct)),
    ...indented(message),
    ...belowLines(below),
  ];
}

/** What the hop and the login node's own call say together. */
function verdict(reason: HopFailureReason, direct: DirectFact | undefined): string {
  if (!direct) return REASONS[reason];
  if (direct.answers)
    return LINK_FAILURES.has(reason)
      ? 'alive: it answers the login node by a new connection, only this link is dead'
      : `${REASONS[reason]}; the login node itself reaches it: the fault lies between these two`;
  // The newer and the less ambiguous of both.
  return LINK_FAILURES.has(reason) ? REASONS[direct.reason ?? reason] : REASONS[reason];
}

/** A long way loses its middle. */
function pathText(path: readonly string[]): string {
  const ends = path.length > 6 ? [...path.slice(0, 3), '…', ...path.slice(-2)] : path;
  return ends.join(' → ');
}

function belowLines(below: HopFailureFact['below']): string[] {
  if (below.length === 0) return [];
  const byAnswer = new Map<string, string[]>();
  for (const { node, ...direct } of below) {
    const said = directText(direct);
    byAnswer.set(said, [...(byAnswer.get(said) ?? []), node]);
  }
  const count = `${formatCount(below.length, 'node')} below it`;
  return [...byAnswer].flatMap(([said, nodes]) => {
    const which =
      nodes.length === below.length ? `${count}, called past it:` : `${nodes.length} of ${count}:`;
    const space = WIDTH - INDENT - which.length - said.length - 3;
    return indented(`${which} ${fit(foldHostlist(nodes), Math.max(12, space))} ${said}`);
  });
}

function directText({ answers, reason }: DirectFact): string {
  if (answers) return 'alive';
  return (reason ? REASONS[reason] : 'not called').split(':')[0] as string;
}

function indented(text: string): string[] {
  return wrap(text, WIDTH - INDENT).map((line) => ' '.repeat(INDENT) + line);
}

interface Row {
  readonly label: string;
  readonly hop: HopFact;
}

function drawTree({ hops }: ProbeFacts): string[] {
  const rows = treeRows(hops);
  const root = hops[0]?.parent ?? '';
  const widest = Math.max(root.length, ...rows.map(({ label }) => label.length));
  const labelWidth = Math.min(TREE_WIDTH_MAX, widest) + 2;
  const barWidth = WIDTH - labelWidth - TIME_WIDTH;
  const slowest = Math.max(...hops.map(({ roundTrip }) => roundTrip.min));
  const scale = `0 ${'─'.repeat(barWidth - formatShort(slowest).length - 4)} ${formatShort(slowest)}`;
  return [
    `${fit(root, labelWidth - 2).padEnd(labelWidth)}${scale}${'round trip'.padStart(TIME_WIDTH)}`,
    ...rows.map(({ label, hop: { roundTrip } }) => {
      const drawn = bar(0, roundTrip.min, slowest, barWidth, BAR_STYLE);
      const time = formatShort(roundTrip.min).padStart(TIME_WIDTH);
      return `${fit(label, labelWidth - 2).padEnd(labelWidth)}${drawn}${time}`;
    }),
  ];
}

/** Each node below its parent, in the order of the tree. */
function treeRows(hops: readonly HopFact[]): Row[] {
  const children = new Map<string, HopFact[]>();
  for (const hop of hops) children.set(hop.parent, [...(children.get(hop.parent) ?? []), hop]);
  const rows: Row[] = [];
  const draw = (parent: string, indent: string): void => {
    const below = children.get(parent) ?? [];
    for (const [index, hop] of below.entries()) {
      const isLast = index === below.length - 1;
      rows.push({ label: `${indent}${isLast ? '└─ ' : '├─ '}${hop.node}`, hop });
      draw(hop.node, indent + (isLast ? '   ' : '│  '));
    }
  };
  draw(hops[0]?.parent ?? '', '');
  return rows;
}

/** By level, and of the groups those with the slowest hops. */
function table({ hops }: ProbeFacts): string[] {
  const levels = grouped(hops, ({ level }) => `level ${level}`);
  const groups = grouped(hops, ({ group }) => `group ${group}`).sort((a, b) => b.worst.min - a.worst.min);
  const shown = groups.slice(0, GROUPS_LISTED_MAX);
  const more = groups.length - shown.length;
  const slowest = more > 0 ? [`the slowest of ${formatCount(groups.length, 'group')}:`] : [];
  return [
    `${'round trips'.padEnd(24)}${'hops'.padStart(6)}${['least', 'median', 'most'].map(column).join('')}  slowest hop`,
    ...levels.map(tableRow),
    '',
    ...slowest,
    ...shown.map(tableRow),
  ];
}

interface Group {
  readonly name: string;
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly worst: { readonly min: number; readonly hop: string };
}

function grouped(hops: readonly HopFact[], nameOf: (hop: HopFact) => string): Group[] {
  const byName = new Map<string, HopFact[]>();
  for (const hop of hops) {
    const name = nameOf(hop);
    const known = byName.get(name);
    if (known) known.push(hop);
    else byName.set(name, [hop]);
  }
  return [...byName].map(([name, members]) => {
    const sorted = [...members].sort((a, b) => a.roundTrip.min - b.roundTrip.min);
    const [first, middle, last] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)] as [
      HopFact,
      HopFact,
      HopFact,
    ];
    return {
      name,
      count: members.length,
      min: first.roundTrip.min,
      median: middle.roundTrip.min,
      worst: { min: last.roundTrip.min, hop: `${last.parent} → ${last.node}` },
    };
  });
}

function tableRow({ name, count, min, median, worst }: Group): string {
  const times = [min, median, worst.min].map((seconds) => column(formatShort(seconds))).join('');
  const line = `${fit(name, 23).padEnd(24)}${String(count).padStart(6)}${times}  `;
  return line + fit(worst.hop, WIDTH - line.length);
}

function column(text: string): string {
  return text.padStart(9);
}
