/** Compiles C for a test: helpers, and the product's sources in builds of their own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Compiled, this file lies in build/test/support. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * @param sources from the root of the repository
 * @param flags besides what the native build has
 */
export async function compile(
  output: string,
  sources: readonly string[],
  flags: readonly string[] = [],
): Promise<void> {
  const paths = sources.map((source) => join(ROOT, source));
  const common = [
    '-std=gnu11',
    '-D_GNU_SOURCE',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-pthread',
    '-I',
    join(ROOT, 'native/serve'),
  ];
  await promisify(execFile)('gcc', [...common, ...flags, ...paths, '-o', output]);
}
