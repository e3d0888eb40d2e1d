/** `tees doctor`: whether this node can do its part, and what to do where it cannot. */
import type { Argv, CommandModule } from 'yargs';
import type { Config } from '../../config/config.js';

interface Options {
  readonly role?: 'login' | 'node';
  readonly node?: string;
  readonly state?: string;
  readonly json: boolean;
  readonly config?: string;
  readonly cluster?: string;
}

export const command: CommandModule<object, Options> = {
  command: 'doctor',
  describe: 'check this node: kernel, FUSE, store, key, daemons',
  builder: (yargs) =>
    yargs
      .option('role', {
        choices: ['login', 'node'] as const,
        describe: 'which part it plays',
        defaultDescription: 'by --node, else by the host name',
      })
      .option('node', { type: 'string', describe: 'the name of this node in the configuration' })
      .option('state', { type: 'string', describe: "instead of the configuration's store.directory" })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' }) as Argv<Options>,
  handler: runDoctor,
};

async function runDoctor(options: Options): Promise<void> {
  const { loadConfig } = await import('../../config/parse.js');
  const { CLUSTER_VARIABLE, locateConfig } = await import('../../config/locate.js');
  const { examine } = await import('../doctor/checks.js');
  const { findingsText } = await import('../doctor/finding.js');
  const read = loadConfig(locateConfig(options));
  const directory = options.state ?? read.store.directory;
  const config = { ...read, store: { ...read.store, directory } };
  const embedded = options.config === undefined && (options.cluster ?? process.env[CLUSTER_VARIABLE]);
  const findings = await examine({ config, ...(await identify(config, options)), sameNetwork: !embedded });
  process.stdout.write(
    options.json ? `${JSON.stringify({ schema: 1, findings }, null, 2)}\n` : findingsText(findings),
  );
  if (findings.some(({ level }) => level === 'fail')) process.exitCode = 1;
}

async function identify(
  config: Config,
  { role, node }: Options,
): Promise<{ role: 'login' | 'node'; node: string }> {
  const { hostname } = await import('node:os');
  const { usageError } = await import('../../base/errors.js');
  const { login, nodes } = config.cluster;
  const name = node ?? (role === 'login' ? login.name : hostname().replace(/\..*/, ''));
  const known = nodes.get(name);
  if (known) return { role: role ?? (known.role === 'login' ? 'login' : 'node'), node: name };
  if (node === undefined && role === undefined) return { role: 'login', node: login.name };
  throw usageError('NODE_UNKNOWN', `${name} is not a node of ${config.file}`, {
    hint: 'Give this node its name in the configuration: --node NAME.',
  });
}
