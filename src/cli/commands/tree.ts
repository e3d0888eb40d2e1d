/** `tees tree`: the transport tree that a node list would get. */
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import { TREE_STRATEGIES } from '../../topology/strategies.js';
import type { TreeStrategy } from '../../topology/strategies.js';
import type { Tree } from '../../topology/tree.js';

interface TreeOptions {
  readonly config?: string;
  readonly cluster?: string;
  readonly nodes: string;
  readonly width?: number;
  readonly strategy: string;
  readonly busy?: string;
  readonly seed: number;
  readonly json?: boolean;
  readonly dot?: boolean;
}

const TERMINAL_COLUMNS_DEFAULT = 80;
/** So many levels are counted one by one. */
const LEVELS_SHOWN = 8;

export const command: CommandModule<object, TreeOptions> = {
  command: 'tree',
  describe: 'show the tree along which an environment would travel',
  builder: (yargs) => withOptions(yargs),
  handler,
};

function withOptions(yargs: Argv): Argv<TreeOptions> {
  return yargs
    .option('nodes', {
      type: 'string',
      demandOption: true,
      describe: 'the nodes: cn[0-15,20]',
      coerce: (lists: string | string[]) => [lists].flat().join(','),
    })
    .option('width', {
      type: 'number',
      describe: 'children a node at most',
      defaultDescription: 'tree.width',
    })
    .option('strategy', {
      type: 'string',
      choices: TREE_STRATEGIES,
      default: 'topology-aware',
      describe: 'how the tree is built',
    })
    .option('busy', { type: 'string', describe: 'proxy nodes that cannot be borrowed' })
    .option('seed', { type: 'number', default: 1, describe: 'of the strategy random' })
    .option('json', { type: 'boolean', describe: 'as JSON' })
    .option('dot', { type: 'boolean', describe: 'for Graphviz' })
    .conflicts('json', 'dot') as Argv<TreeOptions>;
}

async function handler(options: TreeOptions): Promise<void> {
  const { loadConfig } = await import('../../config/parse.js');
  const { locateConfig } = await import('../../config/locate.js');
  const { selectNodes } = await import('../../topology/select.js');
  const { buildTree } = await import('../../topology/strategies.js');
  const { treeToDot, treeToJson, treeToText } = await import('../../topology/render.js');

  const config = loadConfig(locateConfig(options));
  const nodes = selectNodes(config.cluster, options.nodes);
  const busy = new Set(options.busy === undefined ? [] : selectNodes(config.cluster, options.busy));
  if (!Number.isInteger(options.seed)) {
    throw usageError('SEED_INVALID', '--seed is no whole number', { hint: 'For example --seed 7' });
  }
  const width = options.width ?? config.tree.width;
  const strategy = options.strategy as TreeStrategy;
  const isIdle = (proxy: string): boolean => !busy.has(proxy);
  const tree = buildTree(strategy, { cluster: config.cluster, nodes, width, isIdle, seed: options.seed });

  if (options.json) return print(JSON.stringify({ strategy, width, ...treeToJson(tree) }, null, 2) + '\n');
  if (options.dot) return print(treeToDot(tree));
  const { levels } = treeToJson(tree);
  const columns = process.stdout.columns ?? TERMINAL_COLUMNS_DEFAULT;
  print(`${summary(tree, strategy, width, levels)}\n\n${treeToText(tree, columns)}`);
}

function summary(tree: Tree, strategy: string, width: number, levels: readonly number[]): string {
  const count = tree.names.length - 1 - tree.borrowed.length;
  const shown =
    levels.slice(1, 1 + LEVELS_SHOWN).join(', ') + (levels.length > 1 + LEVELS_SHOWN ? ', …' : '');
  const lines = [
    `${count} ${count === 1 ? 'node' : 'nodes'}, depth ${tree.depth} (${strategy}, width ${width})`,
    `nodes on each level: ${shown}`,
  ];
  if (tree.borrowed.length > 0) lines.push(`borrowed proxy nodes: ${tree.borrowed.length}`);
  if (tree.orphans.length > 0) lines.push(`orphans, without their proxy node: ${tree.orphans.length}`);
  return lines.join('\n');
}

function print(text: string): void {
  process.stdout.write(text);
}
