/** The ways to build a transport tree, in a table; `topology-aware` is the product's, the others are compared with it. */
import { usageError } from '../base/errors.js';
import { TREE_WIDTH_MAX } from '../base/limits.js';
import { Grower, ROOT } from './grower.js';
import { shuffle } from './random.js';
import { checkNodes } from './select.js';
import { topologyAware } from './topology-aware.js';
import type { Tree, TreeInput } from './tree.js';

const STRATEGIES = {
  'topology-aware': topologyAware,
  random: randomTree,
  'one-to-all': oneToAll,
} as const satisfies Record<string, (input: TreeInput) => Tree>;

export type TreeStrategy = keyof typeof STRATEGIES;

export const TREE_STRATEGIES = Object.keys(STRATEGIES) as readonly TreeStrategy[];

/** @throws TeesError TREE_STRATEGY_UNKNOWN, TREE_WIDTH_INVALID, and what `checkNodes` throws */
export function buildTree(strategy: TreeStrategy, input: TreeInput): Tree {
  if (!TREE_STRATEGIES.includes(strategy)) {
    throw usageError('TREE_STRATEGY_UNKNOWN', `there is no tree strategy "${String(strategy)}"`, {
      hint: `The strategies are ${TREE_STRATEGIES.join(', ')}.`,
    });
  }
  checkTreeInput(input);
  return STRATEGIES[strategy](input);
}

/** @throws TeesError TREE_WIDTH_INVALID, and what `checkNodes` throws */
export function checkTreeInput({ cluster, nodes, width }: TreeInput): void {
  checkWidth(width);
  checkNodes(cluster, nodes);
}

function checkWidth(width: number): void {
  if (Number.isInteger(width) && width >= 1 && width <= TREE_WIDTH_MAX) return;
  throw usageError('TREE_WIDTH_INVALID', `a tree cannot be ${width} wide`, {
    hint: `The width is how many children a node has at most: 1 to ${TREE_WIDTH_MAX}.`,
  });
}

/**
 * The shape of the topology-aware tree, with the nodes anywhere in it. Nothing is borrowed: a proxy node that is
 * no node of the job would stand at some odd place and help nobody.
 */
function randomTree(input: TreeInput): Tree {
  const shape = topologyAware({ ...input, isIdle: () => false });
  const [root, ...others] = shape.names;
  return { ...shape, names: [root as string, ...shuffle(others, input.seed ?? 1)] };
}

/** Every node below the login node, however many there are. */
function oneToAll({ cluster, nodes }: TreeInput): Tree {
  const grower = new Grower(cluster.login.name, nodes.length);
  const wanted = new Set(nodes);
  for (const name of nodes) grower.add(name, ROOT);
  const orphans = cluster.groups.flatMap(({ proxy, slaves }) =>
    wanted.has(proxy) ? [] : slaves.filter((slave) => wanted.has(slave)),
  );
  return grower.finish([], orphans);
}
