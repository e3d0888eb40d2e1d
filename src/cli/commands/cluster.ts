/** `tees cluster`: an embedded cluster on this host, up, used, looked at, and down again. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import { CLUSTER_VARIABLE } from '../../config/locate.js';
import type { EmbeddedCluster } from '../../emulator/cluster.js';

interface StateOptions {
  readonly state?: string;
  readonly cluster?: string;
}

interface UpOptions extends StateOptions {
  readonly groups: number;
  readonly groupSize: number;
  readonly uplink: string;
  readonly restart: boolean;
  readonly loginUplink: string;
  readonly storage?: string;
  readonly environments: boolean;
  readonly slurm: boolean;
  readonly storeSize: string;
  readonly storeCache: string;
  readonly foreground?: boolean;
}

interface ExecOptions extends StateOptions {
  readonly node: string;
  readonly '--'?: string[];
}

interface StatusOptions extends StateOptions {
  readonly json?: boolean;
}

export const command: CommandModule = {
  command: 'cluster',
  describe: 'an embedded cluster on this host, with real daemons on emulated nodes',
  builder: (yargs) =>
    yargs
      .option('state', {
        type: 'string',
        describe: `the state directory (or --cluster, ${CLUSTER_VARIABLE})`,
        defaultDescription: 'XDG_RUNTIME_DIR/tees-cluster-UID',
      })
      .command(UP)
      .command(EXEC)
      .command(STATUS)
      .command(DOWN)
      .demandCommand(1, 'which of: up, exec, status, down?'),
  handler: () => {},
};

const UP: CommandModule<object, UpOptions> = {
  command: 'up',
  describe: 'start it; it stays up until `tees cluster down`',
  builder: (yargs) =>
    yargs
      .option('groups', { type: 'number', default: 2, describe: 'node groups' })
      .option('group-size', { type: 'number', default: 8, describe: 'nodes a group, its proxy included' })
      .option('uplink', { type: 'string', default: '400mbit', describe: "rate of each proxy's uplink" })
      .option('login-uplink', {
        type: 'string',
        default: 'unlimited',
        describe: "rate of the login node's link",
      })
      .option('storage', {
        type: 'string',
        describe: 'a storage node that all nodes mount, behind a link of this rate: 1gbit',
      })
      .option('environments', {
        type: 'boolean',
        default: true,
        describe: 'users have private environments on the login node (tees shell); they go with the cluster',
      })
      .option('slurm', {
        type: 'boolean',
        default: false,
        describe: 'a real Slurm on its nodes: srun, sbatch, salloc on the login node and in environments',
      })
      .option('store-size', { type: 'string', default: '2GiB', describe: "size of a node's store" })
      .option('store-cache', {
        type: 'string',
        default: '512MiB',
        describe: 'how much of it may hold what earlier jobs have brought',
      })
      .option('restart', {
        type: 'boolean',
        default: true,
        describe: "start a compute node's daemon again that a signal has killed (--no-restart: do not)",
      })
      .option('foreground', {
        type: 'boolean',
        describe: 'stay in the foreground; the cluster goes with this process',
      }) as unknown as Argv<UpOptions>,
  handler: up,
};

const EXEC: CommandModule<object, ExecOptions> = {
  command: 'exec <node>',
  describe: 'run a command on a node: tees cluster exec cn3 -- CMD ARG…',
  builder: (yargs) =>
    yargs.positional('node', {
      type: 'string',
      demandOption: true,
      describe: 'login, cn0, …',
    }),
  handler: exec,
};

const STATUS: CommandModule<object, StatusOptions> = {
  command: 'status',
  describe: 'show nodes, their memory, and the bytes that crossed each uplink',
  builder: (yargs) => yargs.option('json', { type: 'boolean', describe: 'as JSON' }) as Argv<StatusOptions>,
  handler: status,
};

const DOWN: CommandModule<object, StateOptions> = {
  command: 'down',
  describe: 'stop it; nothing is left but its logs',
  handler: down,
};

async function up(options: UpOptions): Promise<void> {
  const { startCluster } = await import('../../emulator/cluster.js');
  const { upSummary, showProgress } = await import('../cluster-text.js');
  const started = performance.now();
  const cluster = await startCluster({
    stateDirectory: await stateDirectory(options),
    groups: options.groups,
    groupSize: options.groupSize,
    uplink: options.uplink,
    loginUplink: options.loginUplink,
    ...(options.storage === undefined ? {} : { storage: options.storage }),
    environments: options.environments,
    slurm: options.slurm,
    storeSize: options.storeSize,
    storeCache: options.storeCache,
    restart: options.restart,
    onProgress: showProgress(process.stderr),
  });
  if (options.foreground !== true) await cluster.letGo();
  process.stdout.write(upSummary(cluster, options, (performance.now() - started) / 1000));
  if (options.foreground === true) await stayInForeground(cluster);
}

/** Until a signal, or until it goes down in another way. */
async function stayInForeground(cluster: EmbeddedCluster): Promise<void> {
  const { onShutdownSignal } = await import('../../base/lifecycle.js');
  process.stdout.write('Ctrl-C takes it down.\n');
  onShutdownSignal(() => cluster.down());
  const awake = setInterval(() => {}, 2 ** 30); // the cluster alone keeps no process alive
  await cluster.ended();
  clearInterval(awake);
}

async function exec(options: ExecOptions): Promise<void> {
  const argv = options['--'] ?? [];
  if (argv.length === 0) {
    throw usageError('USAGE', 'which command?', { hint: 'For example: tees cluster exec cn0 -- ip addr' });
  }
  const { openCluster } = await import('../../emulator/cluster.js');
  const cluster = await openCluster(await stateDirectory(options));
  process.exitCode = await runThrough(await cluster.spawn(options.node, argv, { stdio: 'inherit' }));
}

/** Signals from other processes are passed on; those of the terminal reach the command by themselves. */
async function runThrough(child: ChildProcess): Promise<number> {
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, pass);
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, () => {});
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return signal ? 128 + constants.signals[signal] : (exitCode ?? 1);
}

async function status(options: StatusOptions): Promise<void> {
  const { openCluster } = await import('../../emulator/cluster.js');
  const { statusText } = await import('../cluster-text.js');
  const facts = await (await openCluster(await stateDirectory(options))).status();
  process.stdout.write(options.json === true ? JSON.stringify(facts, null, 2) + '\n' : statusText(facts));
}

async function down(options: StateOptions): Promise<void> {
  const { takeDown } = await import('../../emulator/take-down.js');
  const directory = await stateDirectory(options);
  const was = await takeDown(directory);
  const what = was === 'up' ? 'the embedded cluster is down' : 'no cluster was up; its leftovers are removed';
  process.stdout.write(`${what}; logs are in ${directory}\n`);
}

async function stateDirectory({ state, cluster }: StateOptions): Promise<string> {
  const { defaultStateDirectory } = await import('../../emulator/options.js');
  return state || cluster || process.env[CLUSTER_VARIABLE] || defaultStateDirectory();
}
