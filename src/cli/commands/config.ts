/** `tees config check`: reads the cluster configuration as every daemon does, and says what it means. */
import type { Argv, CommandModule } from 'yargs';
import { TeesError } from '../../base/errors.js';
import type { Config } from '../../config/config.js';
import type * as Quantities from '../../config/quantities.js';

interface CheckOptions {
  readonly config?: string;
  readonly cluster?: string;
  readonly file?: string;
  readonly json: boolean;
}

/** What was found out about the key of this machine. Not everybody who checks a configuration may read it. */
interface KeyState {
  readonly bytes?: number;
  readonly problem?: string;
}

const check: CommandModule<object, CheckOptions> = {
  command: 'check [file]',
  describe: 'check a configuration and show what it means',
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', describe: 'the file; else --config, --cluster or the default' })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' }) as Argv<CheckOptions>,
  handler: checkHandler,
};

export const command: CommandModule = {
  command: 'config',
  describe: 'the cluster configuration',
  builder: (yargs) => yargs.command(check).demandCommand(1, 'which command? There is: tees config check'),
  handler: () => {},
};

async function checkHandler(options: CheckOptions): Promise<void> {
  const { loadConfig } = await import('../../config/parse.js');
  const { locateConfig } = await import('../../config/locate.js');
  const { foldHostlist } = await import('../../topology/hostlist.js');
  const config = loadConfig(locateConfig({ ...options, config: options.file ?? options.config }));
  const key = config.authentication === 'key' ? await inspectKey(config.keyFile) : undefined;
  const compute = [...config.cluster.nodes.values()].filter((node) => node.role !== 'login');
  const names = foldHostlist(compute.map((node) => node.name));
  process.stdout.write(
    options.json
      ? toJson(config, compute.length, names, key)
      : await toText(config, compute.length, names, key),
  );
}

async function inspectKey(file: string): Promise<KeyState> {
  const { loadClusterKey } = await import('../../config/secret.js');
  try {
    return { bytes: loadClusterKey(file).length };
  } catch (error) {
    if (!(error instanceof TeesError)) throw error;
    return { problem: `${error.code}: ${error.message}` };
  }
}

function toJson(config: Config, count: number, names: string, key: KeyState | undefined): string {
  const { cluster, ...settings } = config;
  const { name, login, groups } = cluster;
  const record = {
    valid: true,
    cluster: { name, login, groups, nodes: names, nodeCount: count },
    ...settings,
    key,
  };
  return JSON.stringify(record, null, 2) + '\n';
}

async function toText(
  config: Config,
  count: number,
  names: string,
  key: KeyState | undefined,
): Promise<string> {
  const { THRESHOLD_NEVER } = await import('../../config/config.js');
  const quantities = await import('../../config/quantities.js');
  const { formatDuration, formatSize } = quantities;
  const { cluster, tree, store } = config;
  const { login } = cluster;
  const threshold =
    tree.thresholdNodes === THRESHOLD_NEVER ? 'never P2P' : `P2P from ${tree.thresholdNodes} nodes`;
  const rows: [string, string][] = [
    ['cluster', `${cluster.name}: ${plural(cluster.groups.length, 'group')}, ${plural(count, 'node')}`],
    ['login', login.name === login.address ? login.name : `${login.name} at ${login.address}`],
    ['nodes', names],
    ['port', String(config.port)],
    key
      ? ['keyFile', `${config.keyFile}${key.problem ? '' : ` (${key.bytes} bytes)`}`]
      : ['authentication', config.authentication],
    ['tree', `width ${tree.width}, shape ${tree.shape}, ${threshold}`],
    ['network', networkText(config.network, quantities)],
    ['store', `${store.directory}, ${formatSize(store.sizeBytes)}`],
    ['runtimeDirectory', config.runtimeDirectory],
    ['hook, layout', `${config.hook} (${config.fuseEngine}), ${config.layout}`],
    ['uplinkInterface', config.network.uplinkInterface ?? 'not given: reports have no uplink counters'],
    ['bind', config.environment.bind.join(' ') || 'nothing'],
    ['allow', config.environment.allow.join(' ') || 'nothing'],
    ['stallDeadline', `${formatDuration(config.stallDeadlineMs)}, then ${config.onStall}`],
    ['recoveryDeadline', formatDuration(config.recoveryDeadlineMs)],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(16)}  ${value}`);
  if (key?.problem) lines.push(`warning: ${key.problem}`);
  return [`${config.file} is valid`, ...lines, ''].join('\n');
}

function networkText(network: Config['network'], { formatDelay, formatRate }: typeof Quantities): string {
  const delay = (seconds: number): string => formatDelay(Math.round(seconds * 1e9));
  const rate = (bytesPerSecond: number): string => formatRate(bytesPerSecond * 8);
  const links = [network.loginBytesPerSecond, network.uplinkBytesPerSecond, network.groupBytesPerSecond];
  const [login, uplink, group] = links.map(rate);
  const times = `${delay(network.latencySeconds)} and ${delay(network.hopCostSeconds)} a hop`;
  return `login node ${login}, uplinks ${uplink}, groups ${group}; ${times}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
