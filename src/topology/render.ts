/** Trees for programs (JSON), for Graphviz (DOT) and for people (text; `render-text.ts`). */
import type { Tree } from './tree.js';

export { treeToText } from './render-text.js';

export interface TreeRecord {
  readonly root: string;
  readonly depth: number;
  /** Nodes on each level; the root's level is 0. */
  readonly levels: readonly number[];
  readonly borrowed: readonly string[];
  readonly orphans: readonly string[];
  /** Parents precede their children. The root is not among them. */
  readonly nodes: readonly { readonly name: string; readonly parent: string; readonly level: number }[];
}

export function treeToJson(tree: Tree): TreeRecord {
  const levels = nodeLevels(tree);
  const nodes = tree.names.map((name, i) => ({
    name,
    parent: tree.names[tree.parents[i] as number] ?? '',
    level: levels[i] as number,
  }));
  return {
    root: tree.names[0] as string,
    depth: tree.depth,
    levels: levelSizes(tree),
    borrowed: tree.borrowed,
    orphans: tree.orphans,
    nodes: nodes.slice(1),
  };
}

/** Borrowed proxy nodes are dashed, orphans are grey. */
export function treeToDot(tree: Tree): string {
  const quote = (name: string): string => `"${name.replace(/["\\]/g, '\\$&')}"`;
  const lines = ['digraph tree {', '  node [shape=box];'];
  for (const name of tree.borrowed) lines.push(`  ${quote(name)} [style=dashed, xlabel="borrowed"];`);
  for (const name of tree.orphans) lines.push(`  ${quote(name)} [style=filled, fillcolor=lightgrey];`);
  for (const [parent, children] of tree.children.entries()) {
    for (const child of children) {
      lines.push(`  ${quote(tree.names[parent] as string)} -> ${quote(tree.names[child] as string)};`);
    }
  }
  return [...lines, '}', ''].join('\n');
}

export function levelSizes(tree: Tree): number[] {
  const sizes = new Array<number>(tree.depth + 1).fill(0);
  for (const level of nodeLevels(tree)) (sizes[level] as number)++;
  return sizes;
}

function nodeLevels(tree: Tree): number[] {
  const levels: number[] = [];
  for (const parent of tree.parents) levels.push(parent < 0 ? 0 : (levels[parent] as number) + 1);
  return levels;
}
