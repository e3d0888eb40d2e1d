/** The one program. Each command is a module; what it needs is loaded when it runs, so that daemons start light. */
import type { CommandModule } from 'yargs';
import { EXIT_FAILURE, EXIT_USAGE, TeesError, describeError } from '../base/errors.js';
import { readPlain } from './plain-words.js';
import type { PlainShape } from './plain-words.js';

interface CommandFile {
  /** A CommandModule. */
  readonly command: unknown;
  /** Of a command that shall be quick. */
  readonly plain?: PlainShape;
}

type Load = () => Promise<CommandFile>;

/** By their names. */
const COMMANDS: Readonly<Record<string, Load>> = {
  run: () => import('./commands/run.js'),
  shell: () => import('./commands/shell.js'),
  exec: () => import('./commands/exec.js'),
  env: () => import('./commands/env.js'),
  bcast: () => import('./commands/bcast.js'),
  status: () => import('./commands/status.js'),
  cancel: () => import('./commands/cancel.js'),
  layer: () => import('./commands/layer.js'),
  tree: () => import('./commands/tree.js'),
  probe: () => import('./commands/probe.js'),
  calibrate: () => import('./commands/calibrate.js'),
  cluster: () => import('./commands/cluster.js'),
  doctor: () => import('./commands/doctor.js'),
  config: () => import('./commands/config.js'),
  daemon: () => import('./commands/daemon.js'),
};

async function main(argv: string[]): Promise<void> {
  const [first = '', ...words] = argv;
  const named = Object.hasOwn(COMMANDS, first) ? await COMMANDS[first]?.() : undefined;
  const options = named?.plain && readPlain(words, named.plain);
  if (named && options) return (named.command as CommandModule).handler(options as never);
  // Help and error messages must know all commands.
  const files = named ? [named] : await Promise.all(Object.values(COMMANDS).map((load) => load()));
  await parse(argv, files);
}

/** The whole command line, with all that there is to say about it. */
async function parse(argv: string[], files: readonly CommandFile[]): Promise<void> {
  const { default: yargs } = await import('yargs');
  const parser = yargs(argv)
    .scriptName('tees')
    .usage('$0 COMMAND\n\nPrivate execution environments, carried to the compute nodes of a job.')
    .option('config', {
      type: 'string',
      describe: 'the cluster configuration',
      defaultDescription: '/etc/tees/tees.yaml',
    })
    .option('cluster', {
      type: 'string',
      describe: 'the state directory of an embedded cluster (or TEES_CLUSTER)',
    })
    .parserConfiguration({
      'populate--': true,
      'parse-positional-numbers': false,
      'halt-at-non-option': false,
    })
    .demandCommand(1, 'which command?')
    .strict()
    .help()
    .completion('completion', false)
    .version(false)
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .fail((message, error) => {
      if (error) throw error;
      const hint = message.startsWith('Unknown argument')
        ? 'A command to run goes behind --, and options before it. See: tees --help, tees COMMAND --help'
        : 'See: tees --help, tees COMMAND --help';
      throw new TeesError('USAGE', message, { usage: true, hint });
    });
  for (const { command } of files) parser.command(command as CommandModule);
  await parser.parseAsync();
}

// A reader that has seen enough (tees … | head) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

main(process.argv.slice(2)).catch((error: unknown) => {
  const failure = TeesError.from(error, 'INTERNAL');
  process.stderr.write(describeError(failure) + '\n');
  if (failure.code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exitCode = failure.usage ? EXIT_USAGE : EXIT_FAILURE;
});
