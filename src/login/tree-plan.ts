/**
 * The tree of a job (paper, section 3.3.2). An idle proxy node is borrowed only if it answers: its daemon may be down,
 * and nobody who asked for other nodes should hear of that as a failure.
 */
import { usageError } from '../base/errors.js';
import { TREE_DEPTH_MAX } from '../base/limits.js';
import { buildTree } from '../topology/strategies.js';
import type { TreeStrategy } from '../topology/strategies.js';
import type { Tree, TreeInput } from '../topology/tree.js';

export interface TreePlanOptions {
  readonly strategy: TreeStrategy;
  readonly input: TreeInput;
  /** Never rejects. */
  answers(proxy: string): Promise<boolean>;
  /** Who is in the tree: said at once, before anything takes time. */
  onTree(members: readonly string[]): void;
}

export class TreePlan {
  readonly #first: Tree;
  readonly #silent: Promise<ReadonlySet<string>>;

  /** @throws TeesError what `buildTree` throws; TREE_TOO_DEEP */
  constructor(private readonly options: TreePlanOptions) {
    this.#first = this.#build(new Set());
    this.#silent = this.#askBorrowed();
  }

  /** When those that would be borrowed have answered, or have had the time to. */
  async tree(): Promise<Tree> {
    const silent = await this.#silent;
    return silent.size === 0 ? this.#first : this.#build(silent);
  }

  #build(silent: ReadonlySet<string>): Tree {
    const { strategy, input } = this.options;
    const isIdle = (proxy: string): boolean => !silent.has(proxy) && input.isIdle(proxy);
    const tree = buildTree(strategy, { ...input, isIdle });
    checkDepth(tree);
    this.options.onTree(tree.names.slice(1));
    return tree;
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
