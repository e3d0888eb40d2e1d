/** The choice of a tree's shape by the cost model: docs/decisions/0016-shape-by-plan.md. Pure. */
import { usageError } from '../base/errors.js';
import { CHUNK_SIZE_BYTES, TREE_DEPTH_MAX } from '../base/limits.js';
import { divide } from '../topology/division.js';
import type { NetworkCosts } from '../topology/network.js';
import { PAPER, SHAPES, SHAPE_NAMES, fitShape } from '../topology/shapes.js';
import { shapedTree } from '../topology/shaped.js';
import { buildTree, checkTreeInput } from '../topology/strategies.js';
import type { TreeStrategy } from '../topology/strategies.js';
import { paperTree } from '../topology/topology-aware.js';
import type { Tree, TreeInput } from '../topology/tree.js';
import { CostModel } from './cost-model.js';
import type { Prediction } from './cost-model.js';

/** Of all shapes the best. */
export const AUTO = 'auto';

/**
 * A second until everything is there counts as so much of a second until the command starts. Of the time between, a
 * first run may wait most of it, and one that knows what will be read next to nothing (0013).
 */
const TOTAL_WEIGHT = 1 / 4;
/** So many reads are expected to wait, one after the other, for a unit that comes down the whole tree (0010). */
const WAITS = 5;
/** The model is not more exact than that: of shapes so near to the best, the shallowest is taken. */
const TIE = 0.01;

export interface Payload {
  /** What must be there before the command starts, the document included. */
  readonly urgentBytes: number;
  /** All of it. */
  readonly totalBytes: number;
}

export interface ShapeRequest {
  /** `auto`, `paper`, or the name of another shape. */
  readonly shape: string;
  readonly input: TreeInput;
  /** Children of the login node at most, where they are not as many as `input.width`. */
  readonly rootWidth: number;
  readonly network: NetworkCosts;
  readonly payload: Payload;
}

export interface ShapedTree {
  /** The shape's name. */
  readonly shape: string;
  readonly tree: Tree;
  /** Seconds until the last node has everything. */
  readonly predictedSeconds: number;
}

/** @throws TeesError TREE_SHAPE_UNKNOWN */
export function checkShape(shape: string): void {
  if (shape === AUTO || SHAPE_NAMES.includes(shape)) return;
  throw usageError('TREE_SHAPE_UNKNOWN', `there is no tree shape '${shape}'`, {
    hint: `The shapes are: ${[AUTO, ...SHAPE_NAMES].join(', ')}.`,
  });
}

/**
 * Shapes are those of the strategy `topology-aware`; another one is a shape itself.
 * @throws TeesError what `chooseTree` and `buildTree` throw
 */
export function planTree(strategy: TreeStrategy, request: ShapeRequest): ShapedTree {
  if (strategy === 'topology-aware') return chooseTree(request);
  const { input, network, payload } = request;
  const tree = buildTree(strategy, input);
  const secondsFor = new CostModel(input.cluster, network).predict(tree);
  return { shape: strategy, tree, predictedSeconds: secondsFor(payload.totalBytes) };
}

/** @throws TeesError TREE_TOO_DEEP, TREE_SHAPE_UNKNOWN, and what `checkTreeInput` throws */
export function chooseTree(request: ShapeRequest): ShapedTree {
  checkShape(request.shape);
  checkTreeInput(request.input);
  const plans = plansOf(request);
  const model = new CostModel(request.input.cluster, request.network);
  // Of a large cluster the trees are not kept: to build one again takes less than to keep them all.
  const judged = plans.flatMap((plan) => {
    const tree = plan.build();
    return tree.depth > TREE_DEPTH_MAX
      ? []
      : [{ plan, depth: tree.depth, ...judge(model.predict(tree), request.payload) }];
  });
  const least = judged.reduce((cost, each) => Math.min(cost, each.cost), Infinity);
  const [chosen] = judged.filter(({ cost }) => cost <= least * (1 + TIE)).sort((a, b) => a.depth - b.depth);
  if (!chosen) {
    const problem = `a tree of shape ${request.shape} would be more than ${TREE_DEPTH_MAX} levels deep`;
    throw usageError('TREE_TOO_DEEP', problem, { hint: 'Give it more --width, or another --shape.' });
  }
  const { plan, predictedSeconds } = chosen;
  return { shape: plan.shape, tree: plan.build(), predictedSeconds };
}

interface Plan {
  readonly shape: string;
  build(): Tree;
}

/** Of the shapes that were asked for. */
function plansOf({ shape: asked, input, rootWidth }: ShapeRequest): Plan[] {
  const { cluster, nodes, width, isIdle } = input;
  const root = cluster.login.name;
  const division = divide(cluster, nodes, isIdle);
  const paper: Plan = { shape: PAPER, build: () => paperTree(root, division, width) };
  const others = SHAPES.flatMap((shape): Plan[] => {
    const fitted = fitShape(shape, width, rootWidth);
    return fitted ? [{ shape: shape.name, build: () => shapedTree(root, division, fitted) }] : [];
  });
  return [paper, ...others].filter(({ shape }) => asked === AUTO || asked === shape);
}

function judge(
  secondsFor: Prediction,
  { urgentBytes, totalBytes }: Payload,
): { predictedSeconds: number; cost: number } {
  const predictedSeconds = secondsFor(totalBytes);
  const units = Math.ceil((totalBytes - urgentBytes) / CHUNK_SIZE_BYTES);
  const waits = Math.min(WAITS, units) * secondsFor(CHUNK_SIZE_BYTES);
  return { predictedSeconds, cost: secondsFor(urgentBytes) + waits + TOTAL_WEIGHT * predictedSeconds };
}
