/**
 * What is decided before anything is sent: the layer scanned, split and ordered, the nodes selected, the tree
 * built, the document cut into verified pieces (paper, section 4.2).
 */
import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { TeesError, usageError } from '../base/errors.js';
import { STORAGE_KEY_BYTES } from '../base/limits.js';
import { LAYOUTS } from '../config/config.js';
import { encodeShipment } from '../image/document.js';
import { cutDocument } from '../image/pieces.js';
import type { DocumentPieces } from '../image/pieces.js';
import { dataSize } from '../image/manifest.js';
import { lowerBound } from '../planning/cost-model.js';
import { chooseMethod, METHODS } from '../planning/method.js';
import type { MethodName } from '../planning/method.js';
import type { Split } from '../planning/split.js';
import type { TreePlanUse } from '../report/report.js';
import type { LayerSource } from '../scan/source.js';
import { checkNodes, selectNodes } from '../topology/select.js';
import type { Tree } from '../topology/tree.js';
import type { StoragePlace, Subtree } from '../wire/job.js';
import { isAboutCommand, scanCarried, splitCarried, unsplit } from './carried.js';
import type { CarriedOptions } from './carried.js';
import { openEnvironment } from './environment-layer.js';
import { subtreesOf } from './subtrees.js';
import { TreePlan } from './tree-plan.js';

export interface Deployment {
  readonly source: LayerSource;
  readonly split: Split;
  readonly method: MethodName;
  readonly nodes: readonly string[];
  readonly tree: Tree;
  readonly plan: Omit<TreePlanUse, 'achieved'>;
  /** Children a node at most. */
  readonly width: number;
  /** The subtrees of the root's children. */
  readonly subtrees: readonly Subtree[];
  readonly document: DocumentPieces;
  /** Chunks in order of sending. */
  readonly chunkOrder: readonly number[];
  /** The first so many of them are the urgent part. */
  readonly urgentChunks: number;
  /** Where the units lie on the shared storage, if that is the method. */
  readonly storage?: StoragePlace;
  readonly urgentBytes: number;
  readonly hystereticBytes: number;
  /** The name of a node's group. */
  groupOf(node: string): string;
  isProxy(node: string): boolean;
}

export interface DeploymentOptions extends CarriedOptions {
  /** Nodes that may take a lost one's place: they are none of the job's, and are not borrowed. */
  readonly spares: readonly string[];
  /** The command is run by somebody else: that it is not there is not for us to say. */
  readonly isResident: boolean;
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
  const { environment: name } = options.request;
  if (name === undefined) return prepare(options);
  const environment = openEnvironment(options.config.environments, options.user.uid, name);
  try {
    const request = { ...options.request, upper: environment.upper };
    return await prepare({ ...options, request, environment });
  } finally {
    // Who reads the layer from now on has a descriptor of their own.
    closeSync(environment.fd);
  }
}

async function prepare(options: DeploymentOptions): Promise<Deployment> {
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
  const source = await scanCarried(options);
  try {
    options.onPhase('scanned');
    const split = await splitCarried(options, source).catch((error: unknown) => {
      if (!options.isResident || !isAboutCommand(error)) throw error;
      return unsplit(source);
    });
    options.onPhase('split');
    const { order, urgentCount } = split;
    const document = cutDocument(encodeShipment({ manifest: source.manifest, order, urgentCount }));
    const contents = contentsInOrder(source, split);
    const urgentBytes = document.sizeBytes + contents.urgentBytes;
    const totalBytes = urgentBytes + contents.hystereticBytes;
    const isShared = method === 'shared';
    const travelling = isShared ? { urgentBytes: 0, totalBytes: 0 } : { urgentBytes, totalBytes };
    const { shape, tree: planned, predictedSeconds } = await plan.tree(travelling);
    const tree = options.carriesOnly ? { ...planned, borrowed: planned.names.slice(1) } : planned;
    const deployment = {
      source,
      split,
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
      document,
      ...contents,
      ...(isShared ? { storage: storagePlace() } : {}),
      groupOf: (node: string) => config.cluster.nodes.get(node)?.group ?? '',
      isProxy: (node: string) => config.cluster.nodes.get(node)?.role === 'proxy',
    };
    options.onPhase('planned');
    return deployment;
  } catch (error) {
    await source.close();
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

function contentsInOrder(
  source: LayerSource,
  split: Split,
): Pick<Deployment, 'chunkOrder' | 'urgentChunks' | 'urgentBytes' | 'hystereticBytes'> {
  const chunkOrder: number[] = [];
  let urgentChunks = 0;
  let urgentBytes = 0;
  let hystereticBytes = 0;
  split.order.forEach((index, position) => {
    const content = source.manifest.contents[index];
    if (!content) return;
    if (position < split.urgentCount) urgentBytes += dataSize(content);
    else hystereticBytes += dataSize(content);
    for (let i = 0; i < content.chunkCount; i++) chunkOrder.push(content.firstChunk + i);
    if (position < split.urgentCount) urgentChunks = chunkOrder.length;
  });
  return { chunkOrder, urgentChunks, urgentBytes, hystereticBytes };
}
