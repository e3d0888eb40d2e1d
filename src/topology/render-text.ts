/**
 * A tree as text that stays readable at any size. Leaves are folded into a node list. A tree that is too long for a
 * screen is drawn with less detail: of neighbours with the same tree below them only the first, then fewer levels.
 */
import { foldHostlist } from './hostlist.js';
import type { Tree } from './tree.js';

/** A screen or so. */
const LINES_MAX = 48;
/** Every node is drawn, without folding those that are alike, while it takes no more than this. */
const LINES_UNFOLDED_MAX = 20;
const ARROW = ' → ';
const CUT = ' …';

interface Detail {
  readonly linesMax: number;
  readonly levels: number;
  readonly foldsAlike: boolean;
}

/** @param columns how wide lines may get; node lists are cut to fit, and say how many nodes they are */
export function treeToText(tree: Tree, columns = 80): string {
  const facts = findFacts(tree);
  const draw = (detail: Detail): string | undefined => new Drawing(tree, columns, facts, detail).draw();
  let text = draw({ linesMax: LINES_UNFOLDED_MAX, levels: tree.depth, foldsAlike: false });
  for (let levels = tree.depth; text === undefined && levels > 1; levels--) {
    text = draw({ linesMax: LINES_MAX, levels, foldsAlike: true });
  }
  return text ?? (draw({ linesMax: Infinity, levels: 1, foldsAlike: true }) as string);
}

interface Facts {
  /** Equal for nodes with equal trees below them and equal marks on all of them. */
  readonly shapes: readonly number[];
  /** How many nodes are below each. */
  readonly below: readonly number[];
  readonly marks: ReadonlyMap<string, string>;
}

function findFacts(tree: Tree): Facts {
  const marks = new Map<string, string>();
  for (const name of tree.orphans) marks.set(name, 'orphan');
  for (const name of tree.borrowed) marks.set(name, 'borrowed');
  const known = new Map<string, number>();
  const shapes: number[] = [];
  const below: number[] = [];
  for (let node = tree.names.length - 1; node >= 0; node--) {
    const children = tree.children[node] as readonly number[];
    const key = `${marks.get(tree.names[node] as string) ?? ''}:${children.map((child) => shapes[child]).join()}`;
    const shape = known.get(key) ?? known.size;
    known.set(key, shape);
    shapes[node] = shape;
    below[node] = children.reduce((sum, child) => sum + 1 + (below[child] as number), 0);
  }
  return { shapes, below, marks };
}

class Drawing {
  readonly #lines: string[] = [];

  constructor(
    private readonly tree: Tree,
    private readonly columns: number,
    private readonly facts: Facts,
    private readonly detail: Detail,
  ) {}

  /** @returns undefined when it gets too long */
  draw(): string | undefined {
    this.#lines.push(this.#name(0));
    this.#below(0, '', 1);
    return this.#isTooLong() ? undefined : `${this.#lines.join('\n')}\n`;
  }

  #isTooLong(): boolean {
    return this.#lines.length > this.detail.linesMax;
  }

  #below(parent: number, indent: string, level: number): void {
    const runs = this.#runs(this.#children(parent), level);
    for (const [i, run] of runs.entries()) {
      if (this.#isTooLong()) return;
      const isLast = i === runs.length - 1;
      if (this.#isLeaf(run[0] as number)) this.#line(indent, isLast, this.#leaves(run, this.#space(indent)));
      else if (level >= this.detail.levels) this.#line(indent, isLast, this.#cut(run, this.#space(indent)));
      else this.#drawRun(run, indent, isLast, level);
    }
  }

  /** Neighbours that go together: leaves, nodes with the same tree below, on the last level all that lead on. */
  #runs(nodes: readonly number[], level: number): number[][] {
    const runs: number[][] = [];
    for (const node of nodes) {
      const open = runs[runs.length - 1];
      if (open && this.#goTogether(open[0] as number, node, level)) open.push(node);
      else runs.push([node]);
    }
    return runs;
  }

  #goTogether(a: number, b: number, level: number): boolean {
    if (this.#isLeaf(a) !== this.#isLeaf(b)) return false;
    if (this.#isLeaf(a)) return this.#mark(a) === this.#mark(b);
    if (level >= this.detail.levels) return true;
    return this.detail.foldsAlike && this.facts.shapes[a] === this.facts.shapes[b];
  }

  #drawRun(run: readonly number[], indent: string, isLast: boolean, level: number): void {
    const [first, ...others] = run as [number, ...number[]];
    this.#drawNode(first, indent, isLast && others.length === 0, level);
    if (others.length === 0) return;
    const text = `${others.length} more like ${this.#name(first)}: `;
    this.#line(indent, isLast, text + this.#list(others, this.#space(indent) - text.length));
  }

  /** On one line if all its children are leaves that fit behind it, or while it has a single child. */
  #drawNode(node: number, indent: string, isLast: boolean, level: number): void {
    const row = this.#row(node);
    const end = row[row.length - 1] as number;
    const head = this.#writeRow(row);
    const children = this.#children(end);
    if (children.every((child) => this.#isLeaf(child)) && this.#runs(children, level).length === 1) {
      const whole = `${head}${ARROW}${this.#marked(children)}`;
      if (whole.length <= this.#space(indent)) return this.#line(indent, isLast, whole);
    }
    this.#line(indent, isLast, head);
    this.#below(end, indent + (isLast ? '   ' : '│  '), level + 1);
  }

  /** The node and what follows it while there is one child with children of its own. */
  #row(node: number): number[] {
    const row = [node];
    for (let at = node; ; row.push(at)) {
      const children = this.#children(at);
      at = children[0] as number;
      if (children.length !== 1 || this.#isLeaf(at)) return row;
    }
  }

  #writeRow(row: readonly number[]): string {
    if (row.length <= 3) return row.map((node) => this.#name(node)).join(ARROW);
    const [first, last] = [row[0] as number, row[row.length - 1] as number];
    return [this.#name(first), `… ${row.length - 2} in a row …`, this.#name(last)].join(ARROW);
  }

  #leaves(nodes: readonly number[], space: number): string {
    const whole = this.#marked(nodes);
    if (whole.length <= space) return whole;
    const text = `${nodes.length} nodes: `;
    return text + this.#list(nodes, space - text.length);
  }

  #cut(nodes: readonly number[], space: number): string {
    const below = nodes.reduce((sum, node) => sum + (this.facts.below[node] as number), 0);
    const count = nodes.length === 1 ? this.#name(nodes[0] as number) : `${nodes.length} nodes`;
    const text = `${count}, with ${below} below`;
    return nodes.length === 1 ? text : `${text}: ${this.#list(nodes, space - text.length - 2)}`;
  }

  #marked(nodes: readonly number[]): string {
    if (nodes.length === 1) return this.#name(nodes[0] as number);
    const mark = this.#mark(nodes[0] as number);
    return this.#list(nodes, Infinity) + (mark ? ` (${mark}s)` : '');
  }

  #list(nodes: readonly number[], space: number): string {
    const list = foldHostlist(nodes.map((node) => this.tree.names[node] as string));
    return list.length <= space ? list : list.slice(0, Math.max(8, space - CUT.length)) + CUT;
  }

  #name(node: number): string {
    const mark = this.#mark(node);
    return (this.tree.names[node] as string) + (mark ? ` (${mark})` : '');
  }

  #mark(node: number): string | undefined {
    return this.facts.marks.get(this.tree.names[node] as string);
  }

  #line(indent: string, isLast: boolean, text: string): void {
    this.#lines.push(`${indent}${isLast ? '└─ ' : '├─ '}${text}`);
  }

  #space(indent: string): number {
    return this.columns - indent.length - 3;
  }

  #children(node: number): readonly number[] {
    return this.tree.children[node] as readonly number[];
  }

  #isLeaf(node: number): boolean {
    return this.#children(node).length === 0;
  }
}
