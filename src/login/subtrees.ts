/** A tree as its nodes are told of it: each hears of what is below it. */
import type { Tree } from '../topology/tree.js';
import type { Subtree } from '../wire/job.js';

/** The subtrees of the root's children. */
export function subtreesOf(tree: Tree, borrowed: ReadonlySet<string>): Subtree[] {
  const build = (index: number): Subtree => {
    const name = tree.names[index] as string;
    return {
      name,
      runs: !borrowed.has(name),
      known: false,
      children: (tree.children[index] ?? []).map(build),
    };
  };
  return (tree.children[0] ?? []).map(build);
}
