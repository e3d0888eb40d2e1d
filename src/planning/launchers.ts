/** Programs that start the program named among their arguments: env, nice, mpirun and the like. */
import type { ByteString } from '../base/bytes.js';
import type { ExecContext } from './command.js';
import { absolutePath, searchCommand } from './command.js';
import type { EnvironmentView } from './environment-view.js';
import { parseEnvArguments } from './shebang.js';

const LAUNCHERS = new Set(
  (
    'chrt gdb ionice ltrace mpiexec mpiexec.hydra mpirun nice nohup numactl orterun perf prterun setsid srun ' +
    'stdbuf strace taskset time timeout valgrind xargs'
  ).split(' '),
);

export interface Launched {
  readonly argv: readonly ByteString[];
  readonly context: ExecContext;
}

/** What a command starts in turn; undefined when it is no launcher, or names no program that exists. */
export function launchedBy(
  view: EnvironmentView,
  argv: readonly ByteString[],
  context: ExecContext,
): Launched | undefined {
  const name = argv[0]?.split('/').pop() ?? '';
  if (name === 'env') {
    const { argv: inner, variables, directory } = parseEnvArguments(argv.slice(1), context.env);
    const cwd = directory === undefined ? context.cwd : absolutePath(directory, context.cwd);
    return inner.length > 0 ? { argv: inner, context: { env: variables, cwd } } : undefined;
  }
  if (!LAUNCHERS.has(name)) return undefined;
  const first = argv.findIndex((it, i) => i > 0 && searchCommand(view, it, context).kind === 'found');
  return first > 0 ? { argv: argv.slice(first), context } : undefined;
}
