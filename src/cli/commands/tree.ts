/** `tees tree`: the transport tree that a node list would get. */
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import { SHAPE_CHOICES } from '../../config/config.js';
import { SIZE_SYNTAX, parseSize } from '../../config/quantities.js';
import type { Payload } from '../../planning/shape.js';
import { TREE_STRATEGIES } from '../../topology/strategies.js';
import type { TreeStrategy } from '../../topology/strategies.js';
import type { Tree } from '../../topology/tree.js';

interface TreeOptions {
  readonly config?: string;
  readonly cluster?: string;
  readonly nodes: string;
  readonly width?: number;
  readonly strategy: string;
  readonly shape?: string;
  readonly bytes: string;
  readonly urgentBytes?: string;
  readonly busy?: string;
  readonly seed: number;
  readonly json?: boolean;
  readonly dot?: boolean;
}

/** The paper's trial: an image of 333 MB, of which up to 16 MB are urgent. */
const BYTES_DEFAULT = '320MiB';
const URGENT_BYTES_DEFAULT = 16 * 2 ** 20;

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
    .option('shape', {
      type: 'string',
      describe: `of a topology-aware tree: ${SHAPE_CHOICES.join(', ')}, or one by its name`,
      defaultDescription: 'tree.shape',
    })
    .option('bytes', { type: 'string', default: BYTES_DEFAULT, describe: 'how much is to travel' })
    .option('urgent-bytes', {
      type: 'string',
      describe: 'of that, what the command needs to start',
      defaultDescription: 'all up to 16MiB',
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
  const { planTree } = await import('../../planning/shape.js');
  const { lowerBound } = await import('../../planning/cost-model.js');
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
  const payload = payloadOf(options);
  const plan = planTree(strategy, {
    shape: options.shape ?? config.tree.shape,
    input: { cluster: config.cluster, nodes, width, isIdle, seed: options.seed },
    rootWidth: options.width ?? config.tree.rootWidth,
    network: config.network,
    payload,
  });
  const { tree, shape, predictedSeconds: predicted } = plan;
  const bound = lowerBound(config.network, nodes.length, payload.totalBytes);

  if (options.json) {
    const facts = { strategy, shape, width, ...payload, predicted, bound, ...treeToJson(tree) };
    return print(JSON.stringify(facts, null, 2) + '\n');
  }
  if (options.dot) return print(treeToDot(tree));
  const { levels } = treeToJson(tree);
  const columns = process.stdout.columns ?? TERMINAL_COLUMNS_DEFAULT;
  const how = `${strategy}, ${strategy === shape ? '' : `shape ${shape}, `}width ${width}`;
  const { formatBytes, formatShort } = await import('../../report/units.js');
  const times = `predicted ${formatShort(predicted)}, bound ${formatShort(bound)}`;
  const { urgentBytes, totalBytes } = payload;
  const time = `for ${formatBytes(totalBytes)}, ${formatBytes(urgentBytes)} urgent: ${times}`;
  print(`${summary(tree, how, levels)}\n${time}\n\n${treeToText(tree, columns)}`);
}

function payloadOf({ bytes, urgentBytes }: TreeOptions): Payload {
  const totalBytes = sizeOf('bytes', bytes);
  const urgent = urgentBytes === undefined ? URGENT_BYTES_DEFAULT : sizeOf('urgent-bytes', urgentBytes);
  return { totalBytes, urgentBytes: Math.min(urgent, totalBytes) };
}

function sizeOf(option: string, text: string): number {
  const size = parseSize(text);
  if (size !== undefined) return size;
  throw usageError('SIZE_INVALID', `--${option} ${text} is no size`, { hint: `Give ${SIZE_SYNTAX}.` });
}

function summary(tree: Tree, how: string, levels: readonly number[]): string {
  const count = tree.names.length - 1 - tree.borrowed.length;
  const shown =
    levels.slice(1, 1 + LEVELS_SHOWN).join(', ') + (levels.length > 1 + LEVELS_SHOWN ? ', …' : '');
  const lines = [
    `${count} ${count === 1 ? 'node' : 'nodes'}, depth ${tree.depth} (${how})`,
    `nodes on each level: ${shown}`,
  ];
  if (tree.borrowed.length > 0) lines.push(`borrowed proxy nodes: ${tree.borrowed.length}`);
  if (tree.orphans.length > 0) lines.push(`orphans, without their proxy node: ${tree.orphans.length}`);
  return lines.join('\n');
}

function print(text: string): void {
  process.stdout.write(text);
}
