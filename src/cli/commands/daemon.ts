/** `tees daemon`: the one daemon of a node, in either role, in the foreground (systemd or the emulator keeps it). */
import { writeSync, closeSync } from 'node:fs';
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import { onShutdownSignal } from '../../base/lifecycle.js';
import { createLog, isLogLevel } from '../../base/log.js';
import { native } from '../../base/native.js';
import type { Log } from '../../base/log.js';
import { locateConfig } from '../../config/locate.js';
import { loadConfig } from '../../config/parse.js';
import { FUSE_ENGINES, HOOKS } from '../../config/config.js';
import type { Config, FuseEngineName, HookName } from '../../config/config.js';
import { loadClusterKey } from '../../config/secret.js';
import { keyProver } from '../../wire/authentication.js';
import type { Prover } from '../../wire/authentication.js';

interface Options {
  role: 'login' | 'node';
  config?: string;
  cluster?: string;
  node?: string;
  state?: string;
  runtime?: string;
  hook?: HookName;
  fuseEngine?: FuseEngineName;
  logLevel: string;
  readyFd?: number;
  environmentsNetworkFd?: number;
}

export const command: CommandModule<object, Options> = {
  command: 'daemon',
  describe: 'the daemon of a node: starts, stops and deletes environments, and carries them',
  builder: (yargs) =>
    yargs
      .option('role', {
        choices: ['login', 'node'] as const,
        demandOption: true,
        describe: 'which part it plays',
      })
      .option('node', { type: 'string', describe: 'the name of this node in the configuration' })
      .option('state', { type: 'string', describe: "instead of the configuration's store.directory" })
      .option('runtime', { type: 'string', describe: "instead of the configuration's runtimeDirectory" })
      .option('hook', {
        choices: HOOKS,
        describe: "instead of the configuration's hook",
      })
      .option('fuse-engine', {
        choices: FUSE_ENGINES,
        describe: "instead of the configuration's fuseEngine",
      })
      .option('log-level', { type: 'string', default: 'info', describe: 'error, warn, info or debug' })
      .option('ready-fd', {
        type: 'number',
        describe: 'a file descriptor that hears "ready" when it serves',
      })
      .option('environments-network-fd', {
        type: 'number',
        describe: 'a network namespace for environments, instead of the daemon’s',
      }) as unknown as Argv<Options>,
  handler: runDaemon,
};

async function runDaemon(options: Options): Promise<void> {
  if (!isLogLevel(options.logLevel)) {
    throw usageError('LOG_LEVEL_UNKNOWN', `there is no log level '${options.logLevel}'`, {
      hint: 'The levels are: error, warn, info, debug.',
    });
  }
  native(); // a daemon without its addon would serve, and refuse everybody
  const config = withOverrides(loadConfig(locateConfig(options)), options);
  const self = options.role === 'login' ? config.cluster.login.name : nodeName(options, config);
  const prover = await proverOf(config, self);
  const log = createLog(`tees[${self}]`, options.logLevel);
  const daemon =
    options.role === 'login'
      ? new (await import('../../login/daemon.js')).LoginDaemon({
          config,
          prover,
          log,
          ...networkOf(options),
        })
      : new (await import('../../node/daemon.js')).NodeDaemon({ config, self, prover, log });
  onShutdownSignal(async (signal) => {
    log.info(`${signal}: stopping`);
    await daemon.stop();
  });
  surviveMistakes(log);
  await daemon.start();
  if (config.metrics) {
    const { serveMetrics } = await import('../serve-metrics.js');
    await serveMetrics(config.metrics, daemon, { role: options.role, node: self });
  }
  log.info(`serving as ${options.role} ${self}`);
  if (options.readyFd !== undefined) {
    writeSync(options.readyFd, 'ready\n');
    closeSync(options.readyFd);
  }
}

async function proverOf({ authentication, keyFile }: Config, self: string): Promise<Prover> {
  if (authentication === 'key') return keyProver(loadClusterKey(keyFile));
  const { MungeProver } = await import('../../transport/munge-prover.js');
  return new MungeProver({ self });
}

/** Other jobs run here: a mistake in the handling of one of them does not end them all. */
function surviveMistakes(log: Log): void {
  const tell = (error: unknown): void =>
    log.error(`a mistake of tees: ${error instanceof Error ? error.stack : String(error)}`);
  process.on('uncaughtException', tell);
  process.on('unhandledRejection', tell);
}

function withOverrides(config: Config, options: Options): Config {
  return {
    ...config,
    store: { ...config.store, directory: options.state ?? config.store.directory },
    runtimeDirectory: options.runtime ?? config.runtimeDirectory,
    hook: options.hook ?? config.hook,
    fuseEngine: options.fuseEngine ?? config.fuseEngine,
  };
}

/** An embedded cluster’s login node reaches its nodes alone, and its users what the host reaches. */
function networkOf({ environmentsNetworkFd }: Options): { environmentsNetworkFd?: number } {
  return environmentsNetworkFd === undefined ? {} : { environmentsNetworkFd };
}

function nodeName(options: Options, config: Config): string {
  if (options.node !== undefined && config.cluster.nodes.has(options.node)) return options.node;
  throw usageError('NODE_UNKNOWN', `${options.node ?? 'no node'} is not a node of ${config.file}`, {
    hint: 'Give this node its name in the configuration: --node NAME.',
  });
}
