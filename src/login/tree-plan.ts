/**
 * The tree of a job (paper, section 3.3.2): who is in it, as soon as the job is asked for, and its shape, when it is known
 * what will travel. An idle proxy node is borrowed only if it answers: its daemon may be down, and nobody who asked for
 * other nodes should hear of that as a failure.
 */
import { usageError } from '../base/errors.js';
import { TREE_DEPTH_MAX } from '../base/limits.js';
import { checkShape, planTree } from '../planning/shape.js';
import type { Payload, ShapedTree } from '../planning/shape.js';
import type { NetworkCosts } from '../topology/network.js';
import { buildTree } from '../topology/strategies.js';
import type { TreeStrategy } from '../topology/strategies.js';
import type { Tree, TreeInput } from '../topology/tree.js';

export interface TreePlanOptions {
  /** Shapes are those of `topology-aware`; another strategy is a shape itself. */
  readonly strategy: TreeStrategy;
  readonly input: TreeInput;
  readonly shape: string;
  readonly rootWidth: number;
  readonly network: NetworkCosts;
  /** Never rejects. */
  answers(proxy: string): Promise<boolean>;
  /** Who is in the tree: said at once, before anything takes time. */
  onTree(members: readonly string[]): void;
}

export class TreePlan {
  readonly #first: Tree;
  readonly #silent: Promise<ReadonlySet<string>>;

  /** @throws TeesError what `buildTree` and `checkShape` throw; TREE_TOO_DEEP */
  constructor(private readonly options: TreePlanOptions) {
    const { shape, strategy, input } = options;
    checkShape(shape);
    // Who is in the tree does not depend on its shape.
    this.#first = buildTree(strategy, input);
    checkDepth(this.#first);
    options.onTree(this.#first.names.slice(1));
    this.#silent = this.#askBorrowed();
  }

  /** When those that would be borrowed have answered, or have had the time to. */
  async tree(payload: Payload): Promise<ShapedTree> {
    const silent = await this.#silent;
    const { strategy, network, shape, rootWidth } = this.options;
    // Only who has been asked: meanwhile others may have become idle.
    const borrowed = new Set(this.#first.borrowed.filter((proxy) => !silent.has(proxy)));
    const input = { ...this.options.input, isIdle: (proxy: string) => borrowed.has(proxy) };
    return planTree(strategy, { shape, input, rootWidth, network, payload });
  }

  async #askBorrowed(): Promise<ReadonlySet<string>> {
    const { borrowed } = this.#first;
    const answers = await Promise.all(borrowed.map((proxy) => this.options.answers(proxy)));
    return new Set(borrowed.filter((_, index) => !answers[index]));
  }
}

function checkDepth({ depth }: Tree): void {
  if (depth <= TREE_DEPTH_MAX) return;
  throw usageError('TREE_TOO_DEEP', `so narrow a tree would be ${depth} levels deep`, {
    hint: `At most ${TREE_DEPTH_MAX} levels: give it more --width.`,
  });
}
