/** `tees layer forget`: what earlier runs in an environment have read while they started, no more. */
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import type { ByteString } from '../../base/bytes.js';
import { fromBuffer, fromText } from '../../base/bytes.js';
import { usageError } from '../../base/errors.js';

interface Options {
  readonly upper?: string;
  readonly environment?: string;
  readonly all: boolean;
  readonly socket?: string;
  readonly config?: string;
  readonly cluster?: string;
}

export const command: CommandModule<object, Options> = {
  command: 'forget',
  describe: 'forget what your commands have read at start-up in earlier runs',
  builder: (yargs) =>
    yargs
      .usage('$0 layer forget [-e NAME | --upper DIR | --all]')
      .option('environment', {
        alias: 'e',
        type: 'string',
        describe: 'of all commands in your private environment (default, inside one: that one)',
      })
      .option('upper', { type: 'string', describe: 'of all commands in this layer' })
      .option('all', { type: 'boolean', default: false, describe: 'in every environment of yours' })
      .option('socket', {
        type: 'string',
        describe: "the login daemon's socket",
      }) as unknown as Argv<Options>,
  handler: forgetCommand,
};

async function forgetCommand(options: Options): Promise<void> {
  const { upper, all } = options;
  const isNamed = options.environment !== undefined || upper !== undefined || all;
  const name = isNamed ? options.environment : process.env['TEES_ENVIRONMENT'];
  if ([name !== undefined, upper !== undefined, all].filter(Boolean).length !== 1) {
    throw usageError('USAGE', 'what of which environment is to be forgotten?', {
      hint: 'tees layer forget -e NAME, --upper DIR, or --all',
    });
  }
  const { environmentKey } = await import('../../planning/command-key.js');
  const { askToForget } = await import('../ask-learnt.js');
  const { formatCount } = await import('../../report/units.js');
  const remembered = upper === undefined ? name && fromText(name) : canonical(upper);
  const records = await askToForget(options, remembered && environmentKey(remembered));
  process.stdout.write(`forgotten: ${formatCount(records, 'command')}\n`);
}

/** The directory itself may be gone; what was learnt in it may not. */
function canonical(upper: string): ByteString {
  try {
    return fromBuffer(realpathSync.native(upper, { encoding: 'buffer' }));
  } catch {
    return fromText(resolve(upper));
  }
}
