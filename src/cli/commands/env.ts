/** `tees env`: the user's private environments on the login node; root may name somebody else. */
import type { Argv, CommandModule } from 'yargs';
import type { SocketOptions } from '../ask-daemon.js';
import type { ListedEnvironment } from '../environments-text.js';

interface Options extends SocketOptions {
  readonly user?: string;
  readonly json: boolean;
}

type NamedOptions = Options & { readonly name: string };
type CopyOptions = NamedOptions & { readonly new: string };

async function ask(options: Options, ...request: string[]): Promise<string[][]> {
  const { askKeeper } = await import('../ask-keeper.js');
  const { keeperSocket } = await import('../enter.js');
  const { lookUpUser } = await import('../../base/users.js');
  const user = options.user === undefined ? [] : [`user=${(await lookUpUser(options.user)).uid}`];
  return askKeeper(keeperSocket(options), [...user, ...request]);
}

async function list(options: Options): Promise<void> {
  const { environmentsText } = await import('../environments-text.js');
  const answers = await ask(options, 'list');
  const environments = answers.map(([, name = '', state = '', since = '0']) => ({
    name,
    ...(state === 'running' ? { state, since: Number(since) } : { state: 'stopped' as const }),
  })) as ListedEnvironment[];
  environments.sort((a, b) => (a.name < b.name ? -1 : 1));
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ schema: 1, environments }, null, 2)}\n`
      : environmentsText(environments, Date.now() / 1000),
  );
}

async function usage(options: NamedOptions): Promise<void> {
  const { formatBytes } = await import('../../report/units.js');
  const [answer = []] = await ask(options, 'usage', options.name);
  const [bytes, files] = [Number(answer[1]), Number(answer[2])];
  const [takenBytes, sizeBytes] = [Number(answer[3] ?? ''), Number(answer[4] ?? '')];
  const bound = sizeBytes > 0 ? { takenBytes, sizeBytes } : {};
  const room = `; all of yours take ${formatBytes(takenBytes)} of ${formatBytes(sizeBytes)}`;
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ schema: 1, name: options.name, bytes, files, ...bound })}\n`
      : `${options.name}: ${formatBytes(bytes)} on disk, ${files.toLocaleString('en')} files and directories${sizeBytes > 0 ? room : ''}\n`,
  );
}

const common = (yargs: Argv): Argv =>
  yargs
    .option('user', { type: 'string', describe: 'of this user (root only)' })
    .option('json', { type: 'boolean', default: false, describe: 'as JSON' })
    .option('socket', { type: 'string', describe: "the keeper's socket" });

const named = (yargs: Argv): Argv =>
  common(yargs).positional('name', { type: 'string', default: 'default', describe: 'of the environment' });

function simple(verb: string, describe: string): CommandModule<object, NamedOptions> {
  return {
    command: `${verb} [name]`,
    describe,
    builder: (yargs) => named(yargs) as unknown as Argv<NamedOptions>,
    handler: async (options) => void (await ask(options, verb, options.name)),
  };
}

const LIST: CommandModule<object, Options> = {
  command: 'list',
  describe: 'which there are',
  builder: (yargs) => common(yargs) as unknown as Argv<Options>,
  handler: list,
};

const COPY: CommandModule<object, CopyOptions> = {
  command: 'copy <name> <new>',
  describe: 'a new one, with what another has',
  builder: (yargs) =>
    named(yargs).positional('new', { type: 'string', demandOption: true }) as unknown as Argv<CopyOptions>,
  handler: async (options) => void (await ask(options, 'copy', options.name, options.new)),
};

const USAGE: CommandModule<object, NamedOptions> = {
  command: 'usage [name]',
  describe: 'how much it takes on the disk',
  builder: (yargs) => named(yargs) as unknown as Argv<NamedOptions>,
  handler: usage,
};

export const command: CommandModule = {
  command: 'env',
  describe: 'your private environments: list, start, stop, delete, copy, usage',
  builder: (yargs) =>
    yargs
      .command(LIST)
      .command(simple('start', 'make it, and start it'))
      .command(simple('stop', 'end everything in it; what it has stays'))
      .command(simple('delete', 'remove it, and all that was changed in it'))
      .command(COPY)
      .command(USAGE)
      .demandCommand(1, 'which of: list, start, stop, delete, copy, usage?'),
  handler: () => {},
};
