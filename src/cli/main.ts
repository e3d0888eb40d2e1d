/** The one program. Each command is a module; what it needs is loaded when it runs, so that daemons start light. */
import yargs from 'yargs';
import type { CommandModule } from 'yargs';
import { EXIT_FAILURE, EXIT_USAGE, TeesError, describeError } from '../base/errors.js';

/** By their names; each exports `command: CommandModule`. */
const COMMANDS: Readonly<Record<string, () => Promise<{ command: unknown }>>> = {
  run: () => import('./commands/run.js'),
  status: () => import('./commands/status.js'),
  cancel: () => import('./commands/cancel.js'),
  layer: () => import('./commands/layer.js'),
  tree: () => import('./commands/tree.js'),
  cluster: () => import('./commands/cluster.js'),
  doctor: () => import('./commands/doctor.js'),
  config: () => import('./commands/config.js'),
  daemon: () => import('./commands/daemon.js'),
};

async function main(argv: string[]): Promise<void> {
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
    .version(false)
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .fail((message, error) => {
      if (error) throw error;
      const hint = message.startsWith('Unknown argument')
        ? 'A command to run goes behind --, and options before it. See: tees --help, tees COMMAND --help'
        : 'See: tees --help, tees COMMAND --help';
      throw new TeesError('USAGE', message, { usage: true, hint });
    });
  for (const load of commandsFor(argv)) parser.command((await load()).command as CommandModule);
  await parser.parseAsync();
}

/** The one that is named first; all of them where help or an error message must know them. */
function commandsFor(argv: readonly string[]): (() => Promise<{ command: unknown }>)[] {
  const [first = ''] = argv;
  const named = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  return named ? [named] : Object.values(COMMANDS);
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
