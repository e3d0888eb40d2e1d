/**
 * The choice of the method (paper, section 3.3.1): shared storage below the threshold, P2P from it on. Where
 * there is no shared storage, `auto` is P2P whatever the number of nodes.
 */
import { usageError } from '../base/errors.js';

/**
 * Each P2P method is a shape of the tree (topology/). With `shared` only what is said goes along the tree, and what is
 * deployed by way of the shared storage.
 */
export const METHODS = {
  p2p: 'topology-aware',
  random: 'random',
  'one-to-all': 'one-to-all',
  shared: 'topology-aware',
} as const;

export type MethodName = keyof typeof METHODS;

export interface MethodChoice {
  readonly nodeCount: number;
  /** From this many nodes on P2P. */
  readonly thresholdNodes: number;
  readonly hasStorage: boolean;
}

/**
 * @param asked `auto` or the name of a method
 * @throws TeesError METHOD_UNKNOWN, SHARED_STORAGE_MISSING
 */
export function chooseMethod(
  asked: string,
  { nodeCount, thresholdNodes, hasStorage }: MethodChoice,
): MethodName {
  if (asked === 'auto') return hasStorage && nodeCount < thresholdNodes ? 'shared' : 'p2p';
  if (asked === 'shared' && !hasStorage) {
    throw usageError('SHARED_STORAGE_MISSING', 'this cluster has no shared storage', {
      hint: 'The configuration names it: sharedStorage: { directory: DIR }. Without it use --method auto.',
    });
  }
  if (Object.hasOwn(METHODS, asked)) return asked as MethodName;
  throw usageError('METHOD_UNKNOWN', `there is no method '${asked}'`, {
    hint: `The methods are: auto, ${Object.keys(METHODS).join(', ')}.`,
  });
}
