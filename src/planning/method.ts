/**
 * The choice of the method (paper, section 3.3.1): shared storage below the threshold, P2P from it on. Where
 * there is no shared storage, `auto` is P2P whatever the number of nodes.
 */
import { usageError } from '../base/errors.js';

/** Each P2P method is a shape of the tree (topology/). */
export const METHODS = {
  p2p: 'topology-aware',
  random: 'random',
  'one-to-all': 'one-to-all',
} as const;

export type MethodName = keyof typeof METHODS;

/** @param asked `auto` or the name of a method */
export function chooseMethod(asked: string): MethodName {
  if (asked === 'auto') return 'p2p';
  if (Object.hasOwn(METHODS, asked)) return asked as MethodName;
  throw usageError('METHOD_UNKNOWN', `there is no method '${asked}'`, {
    hint: `The methods are: auto, ${Object.keys(METHODS).join(', ')}.`,
  });
}
