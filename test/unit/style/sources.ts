/** The repository's own files, as git knows them; the style tests read them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Compiled, this file lies in build/test/unit/style. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../..');

/** Paths from the root; undefined where this is no git checkout (an unpacked archive). */
export function trackedFiles(): string[] | undefined {
  if (!existsSync(join(ROOT, '.git'))) return undefined;
  // The checkout may belong to someone else than who runs the tests; git refuses that unless told.
  const options = ['-c', `safe.directory=${ROOT}`, '-C', ROOT];
  const output = execFileSync('git', [...options, 'ls-files', '-z'], { encoding: 'utf8' });
  return output.split('\0').filter((file) => file !== '' && existsSync(join(ROOT, file)));
}

export function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** Relative imports of a TypeScript file, of types too, as paths from the root. */
export function importsOf(file: string): string[] {
  const specifiers = read(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g);
  return [...specifiers].map((match) => join(dirname(file), match[1]!).replace(/\.js$/, '.ts'));
}
