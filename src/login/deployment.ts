/**
 * What is decided before anything is sent: what is carried (cargo.ts), the nodes selected, the tree built (paper, section 4.2).
 */
import { randomBytes } from 'node:crypto';
import { TeesError, usageError } from '../base/errors.js';
import { STORAGE_KEY_BYTES } from '../base/limits.js';
import { LAYOUTS } from '../config/config.js';
import { lowerBound } from '../planning/cost-model.js';
import { chooseMethod, METHODS } from '../planning/method.js';
import type { MethodName } from '../planning/method.js';
import type { TreePlanUse } from '../report/report.js';
import { checkNodes, selectNodes } from '../topology/select.js';
import type { Tree } from '../topology/tree.js';
import type { StoragePlace, Subtree } from '../wire/job.js';
import { prepareCargo } from './cargo.js';
import type { Cargo, CargoOptions } from './cargo.js';
import type { TakeCargo } from './shared-cargo.js';
import { subtreesOf } from './subtrees.js';
import { TreePlan } from './tree-plan.js';

export interface Deployment extends Cargo {
  readonly method: MethodName;
  readonly nodes: readonly string[];
  readonly tree: Tree;
  readonly plan: Omit<TreePlanUse, 'achieved'>;
  /** Children a node at most. */
  readonly width: number;
  /** The subtrees of the root's children. */
  readonly subtrees: readonly Subtree[];
  /** Where the units lie on the shared storage, if that is the method. */
  readonly storage?: StoragePlace;
  /** The name of a node's group. */
  groupOf(node: string): string;
  isProxy(node: string): boolean;
}

export interface DeploymentOptions extends CargoOptions {
  /** Nodes that may take a lost one's place: they are none of the job's, and are not borrowed. */
  readonly spares: readonly string[];
  /** Others carry the same. */
  readonly takeCargo?: TakeCargo;
  /** Nothing runs on the nodes that are asked for: what is carried is for other jobs there. */
  readonly carriesOnly: boolean;
  isIdle(proxy: string): boolean;
  /** Whether a proxy node's daemon does; never rejects. */
  answers(proxy: string): Promise<boolean>;
  /** Who is in the tree: said at once, before anything takes time. */
  onTree(members: readonly string[]): void;
  onPhase(phase: 'scanned' | 'split' | 'planned'): void;
}

export async function prepareDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { config, request } = options;
  if (request.argv.length === 0) throw usageError('COMMAND_MISSING', 'there is no command to run');
  // What is wrong with the command line is said before anything is read.
  checkLayout(request.layout);
  const nodes = selectNodes(config.cluster, request.nodes);
  const method = chooseMethod(request.method, {
    nodeCount: nodes.length,
    thresholdNodes: config.tree.thresholdNodes,
    hasStorage: config.sharedStorage !== undefined,
  });
  if (options.spares.length > 0) checkNodes(config.cluster, [...nodes, ...options.spares]);
  const width = request.width ?? config.tree.width;
  const plan = new TreePlan({
    strategy: METHODS[method],
    input: {
      cluster: config.cluster,
      nodes,
      width,
      // By way of the shared storage nobody has anything to pass on.
      isIdle: (proxy) => method !== 'shared' && !options.spares.includes(proxy) && options.isIdle(proxy),
    },
    shape: request.shape ?? config.tree.shape,
    // A width that is asked for is meant for all.
    rootWidth: request.width ?? config.tree.rootWidth,
    network: config.network,
    answers: (proxy) => options.answers(proxy),
    onTree: (members) => options.onTree(members),
  });
  const own = (): Promise<Cargo> => prepareCargo(options);
  const cargo = await (options.takeCargo?.(own) ?? own());
  // Somebody else may have done that.
  options.onPhase('scanned');
  options.onPhase('split');
  try {
    const urgentBytes = cargo.document.sizeBytes + cargo.urgentBytes;
    const totalBytes = urgentBytes + cargo.hystereticBytes;
    const isShared = method === 'shared';
    const travelling = isShared ? { urgentBytes: 0, totalBytes: 0 } : { urgentBytes, totalBytes };
    const { shape, tree: planned, predictedSeconds } = await plan.tree(travelling);
    const tree = options.carriesOnly ? { ...planned, borrowed: planned.names.slice(1) } : planned;
    const deployment = {
      ...cargo,
      method,
      nodes: options.carriesOnly ? [] : nodes,
      tree,
      plan: {
        shape,
        // The model knows links, and not what a storage can do.
        ...(isShared ? {} : { predicted: predictedSeconds }),
        bound: lowerBound(config.network, nodes.length, totalBytes),
      },
      width,
      subtrees: subtreesOf(tree, new Set(tree.borrowed)),
      ...(isShared ? { storage: storagePlace() } : {}),
      groupOf: (node: string) => config.cluster.nodes.get(node)?.group ?? '',
      isProxy: (node: string) => config.cluster.nodes.get(node)?.role === 'proxy',
    };
    options.onPhase('planned');
    return deployment;
  } catch (error) {
    await cargo.source.close();
    throw TeesError.from(error, 'PLAN_FAILED');
  }
}

/** A name that nobody can have taken before. */
function storagePlace(): StoragePlace {
  return { name: `tees-${randomBytes(12).toString('hex')}`, key: randomBytes(STORAGE_KEY_BYTES) };
}

function checkLayout(layout: string | undefined): void {
  if (layout === undefined || (LAYOUTS as readonly string[]).includes(layout)) return;
  throw usageError('LAYOUT_UNKNOWN', `there is no layout '${layout}'`, {
    hint: `Known layouts: ${LAYOUTS.join(', ')}`,
  });
}
