/** `tees exec`: a command in the user's private environment on the login node. */
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import type { EnterOptions } from '../enter.js';

type Options = EnterOptions & { readonly '--'?: string[] };

export const command: CommandModule<object, Options> = {
  command: 'exec',
  describe: 'run a command in your private environment, as root of it',
  builder: (yargs) =>
    yargs
      .usage('$0 exec [options] -- COMMAND [ARGUMENT…]')
      .option('environment', { alias: 'e', type: 'string', describe: 'which (default: default)' })
      .option('as-user', { type: 'boolean', default: false, describe: 'as yourself' })
      .option('socket', { type: 'string', describe: "the keeper's socket" }) as unknown as Argv<Options>,
  handler: async (options) => {
    const argv = options['--'] ?? [];
    if (argv.length === 0)
      throw usageError('COMMAND_MISSING', 'there is no command to run', {
        hint: 'Put it behind --: tees exec -- apt-get install -y figlet',
      });
    const { enter } = await import('../enter.js');
    process.exitCode = await enter(options, argv);
  },
};
