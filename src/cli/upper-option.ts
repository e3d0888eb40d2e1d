/** The option `--upper` of commands that look at a layer: inside a private environment it need not be given. */
import type { Options } from 'yargs';

/** Where an environment shows its own (INNER_UPPER_NAME of native/environment/environment.h). */
const INNER_UPPER = '/run/tees-upper';

export function upperOption(): Options {
  const isInside = (process.env['TEES_ENVIRONMENT'] ?? '') !== '';
  const describe = 'the upper layer (default, inside an environment: its own)';
  return { type: 'string', describe, ...(isInside ? { default: INNER_UPPER } : { demandOption: true }) };
}
