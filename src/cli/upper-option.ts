/** The options of commands that look at a layer: inside a private environment they need not be given. */
import type { Options } from 'yargs';

/** Where an environment shows its own layer, and the node's root below it (native/environment/environment.h). */
const INNER_UPPER = '/run/tees-upper';
const INNER_LOWER = '/run/tees-lower';

const isInside = (process.env['TEES_ENVIRONMENT'] ?? '') !== '';

/** The private environment whose own layer this is, inside of it. */
export function environmentOf(upper: string): string | undefined {
  return isInside && upper === INNER_UPPER ? process.env['TEES_ENVIRONMENT'] : undefined;
}

export function upperOption(): Options {
  const describe = 'the upper layer (default, inside an environment: its own)';
  return { type: 'string', describe, ...(isInside ? { default: INNER_UPPER } : { demandOption: true }) };
}

export function lowerOption(): Options {
  return { type: 'string', describe: 'what it lies over', default: isInside ? INNER_LOWER : '/' };
}
