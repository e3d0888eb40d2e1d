/** `tees shell`: a shell in the user's private environment on the login node, which is started if it does not run. */
import type { Argv, CommandModule } from 'yargs';
import type { EnterOptions } from '../enter.js';

export const command: CommandModule<object, EnterOptions> = {
  command: 'shell',
  describe: 'a shell in your private environment, as root of it',
  builder: (yargs) =>
    yargs
      .option('environment', { alias: 'e', type: 'string', describe: 'which (default: default)' })
      .option('as-user', {
        type: 'boolean',
        default: false,
        describe: 'as yourself; sudo needs no password inside',
      })
      .option('socket', { type: 'string', describe: "the keeper's socket" }) as unknown as Argv<EnterOptions>,
  handler: async (options) => {
    const { enter } = await import('../enter.js');
    process.exitCode = await enter(options, []);
  },
};
