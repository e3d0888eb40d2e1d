/**
 * Which runs learn from each other: those of the same program in the same environment. Arguments are mostly input,
 * which changes from run to run; but what an interpreter is given to interpret is the program, and so is what a
 * launcher starts.
 */
import { createHash } from 'node:crypto';
import type { ByteString } from '../base/bytes.js';
import type { ExecContext } from './command.js';
import { absolutePath, resolveCommand, searchCommand } from './command.js';
import type { EnvironmentView, FileInView } from './environment-view.js';
import { launchedBy } from './launchers.js';

/** Both are names of files: letters and digits only. */
export interface CommandKey {
  readonly environment: string;
  readonly command: string;
}

const KEY_DIGITS = 32;
const LAUNCHERS_FOLLOWED_MAX = 8;

const INTERPRETERS = new RegExp(
  '^(?:' +
    'python|pypy|perl|ruby|node|nodejs|deno|bun|lua|luajit|php|java|julia|R|Rscript|octave|octave-cli|guile|racket|' +
    'tclsh|wish|expect|awk|gawk|mawk|sh|bash|dash|ash|ksh|zsh|fish|busybox|ipython|jupyter|matlab|scala|erl|elixir|ocaml' +
    ')[0-9.]*$',
);

/** @param layer its directory, absolute and without symbolic links; or the name of a private environment of the user's */
export function environmentKey(layer: ByteString): string {
  return digest([layer]);
}

/** @throws TeesError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE */
export function commandKey(view: EnvironmentView, argv: readonly ByteString[], context: ExecContext): string {
  const program = resolveCommand(view, argv[0] ?? ('' as ByteString), context);
  return digest(identity(view, program, argv, context, 0));
}

function identity(
  view: EnvironmentView,
  program: FileInView,
  argv: readonly ByteString[],
  context: ExecContext,
  depth: number,
): ByteString[] {
  const launched = launchedBy(view, argv, context);
  const name = launched?.argv[0];
  if (launched && name !== undefined && depth < LAUNCHERS_FOLLOWED_MAX) {
    const search = searchCommand(view, name, launched.context);
    if (search.kind === 'found')
      return [program.path, ...identity(view, search.file, launched.argv, launched.context, depth + 1)];
  }
  const base = (argv[0] ?? program.path).split('/').pop() as string;
  if (!INTERPRETERS.test(base)) return [program.path];
  const operand = argv.find((argument, position) => position > 0 && !argument.startsWith('-'));
  if (operand === undefined) return [program.path];
  return [program.path, view.find(absolutePath(operand, context.cwd))?.path ?? operand];
}

/** No part holds a NUL: they are paths and arguments. */
function digest(parts: readonly ByteString[]): string {
  return createHash('sha256').update(parts.join('\0'), 'latin1').digest('hex').slice(0, KEY_DIGITS);
}
