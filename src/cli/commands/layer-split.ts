/** `tees layer split`: what of a layer must be there before a command can start, and why. Nothing is executed. */
import { resolve } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import { environmentOf, upperOption } from '../upper-option.js';

interface Options {
  readonly upper: string;
  readonly urgent: string[];
  readonly hook: string;
  readonly fuseEngine: string;
  readonly json: boolean;
  readonly learn: boolean;
  readonly socket?: string;
  readonly config?: string;
  readonly cluster?: string;
  readonly '--'?: string[];
}

const TERMINAL_COLUMNS_DEFAULT = 80;

export const command: CommandModule<object, Options> = {
  command: 'split',
  describe: 'list what a command needs of a layer before it can start, and why',
  builder: (yargs) =>
    yargs
      .usage('$0 layer split --upper DIR [--urgent PATH…] [--json] -- COMMAND [ARGUMENT…]')
      .option('upper', upperOption())
      .option('urgent', {
        type: 'string',
        array: true,
        default: [],
        describe: 'what else must be there first: files, directories or patterns of the layer',
      })
      .option('hook', { type: 'string', default: 'fuse', describe: 'the hook that would serve the rest' })
      .option('learn', {
        type: 'boolean',
        default: true,
        describe: 'ask the login daemon what earlier runs have read while they started',
      })
      .option('socket', { type: 'string', describe: "the login daemon's socket" })
      .option('fuse-engine', { type: 'string', default: 'tees', describe: 'its engine' })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' }) as unknown as Argv<Options>,
  handler: splitCommand,
};

async function splitCommand(options: Options): Promise<void> {
  const argv = options['--'] ?? [];
  if (argv.length === 0) {
    throw usageError('COMMAND_MISSING', 'there is no command to analyse', {
      hint: 'Put it behind --: tees layer split --upper DIR -- python3 script.py',
    });
  }
  const { scanLayer } = await import('../../scan/scan.js');
  const { splitLayer } = await import('../../planning/split-layer.js');
  const { hookEngine } = await import('../../serving/hooks.js');
  const { askWhatWasLearnt } = await import('../ask-learnt.js');
  const { splitFacts, splitToText } = await import('../split-text.js');

  const upper = resolve(options.upper);
  const name = environmentOf(upper);
  const source = await scanLayer(upper, {});
  try {
    const split = await splitLayer({
      source,
      upper,
      ...(name === undefined ? {} : { name }),
      argv,
      env: definedOf(process.env),
      cwd: process.cwd(),
      urgentPaths: options.urgent,
      engineReportsHoles: hookEngine(options.hook, options.fuseEngine).reportsHoles,
      hookIsLibrary: options.hook === 'preload',
      ...(options.learn ? { recall: (key) => askWhatWasLearnt(options, key) } : {}),
    });
    const columns = process.stdout.columns ?? TERMINAL_COLUMNS_DEFAULT;
    const facts = { upper, command: argv, ...splitFacts(source.manifest, split) };
    process.stdout.write(
      options.json ? `${JSON.stringify(facts, null, 2)}\n` : splitToText(source.manifest, split, columns),
    );
  } finally {
    await source.close();
  }
}

function definedOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
