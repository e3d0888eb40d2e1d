/** `tees run`: deploys an environment to nodes and runs a command in it on each, as it becomes possible. */
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import {
  FUSE_ENGINES,
  HOOKS,
  LAYOUTS,
  LOSS_POLICIES,
  SHAPE_CHOICES,
  STALL_POLICIES,
} from '../../config/config.js';
import { DURATION_SYNTAX, parseDuration } from '../../config/quantities.js';

interface Options {
  nodes?: string;
  upper?: string;
  environment?: string;
  urgent: string[];
  method: string;
  hook?: string;
  fuseEngine?: string;
  layout?: string;
  width?: number;
  shape?: string;
  complete: boolean;
  onStall?: string;
  stallDeadline?: string;
  onLoss?: string;
  spares?: string;
  demand: boolean;
  learn: boolean;
  report?: string;
  user?: string;
  progress?: boolean;
  quiet: boolean;
  socket?: string;
  config?: string;
  cluster?: string;
  '--'?: string[];
}

export const command: CommandModule<object, Options> = {
  command: 'run',
  describe: 'run a command on nodes, inside an environment that is deployed to them',
  builder: (yargs) =>
    yargs
      .usage('$0 run [--nodes LIST] [-e NAME | --upper DIR] [options] -- COMMAND [ARGUMENT…]')
      .option('nodes', {
        type: 'string',
        describe: 'on which nodes: cn[0-15,20] (default, in a job of Slurm or PBS: its own)',
      })
      .option('upper', { type: 'string', describe: 'the upper layer to deploy' })
      .option('environment', {
        alias: 'e',
        type: 'string',
        conflicts: 'upper',
        describe: 'the private environment to deploy (default, inside one: that one)',
      })
      .option('urgent', {
        type: 'string',
        array: true,
        default: [],
        describe: 'a path of the layer that must be there first',
      })
      .option('method', {
        type: 'string',
        default: 'auto',
        describe: 'auto, p2p, random, one-to-all or shared',
      })
      .option('hook', { type: 'string', describe: HOOKS.join(' or ') })
      .option('fuse-engine', { type: 'string', describe: `of the hook fuse: ${FUSE_ENGINES.join(' or ')}` })
      .option('layout', { type: 'string', describe: LAYOUTS.join(', ') })
      .option('width', { type: 'number', describe: 'children of a node in the tree, at most' })
      .option('shape', {
        type: 'string',
        describe: `of the tree: ${SHAPE_CHOICES.join(', ')}, or one by its name`,
      })
      .option('complete', {
        type: 'boolean',
        default: false,
        describe: 'go on until the whole layer is on every node, even when the command ends before',
      })
      .option('on-stall', {
        type: 'string',
        describe: `when nothing moves any more: ${STALL_POLICIES.join(', ')}`,
      })
      .option('stall-deadline', { type: 'string', describe: 'after how long nothing has moved: 60s' })
      .option('on-loss', {
        type: 'string',
        describe: `when a node is lost: ${LOSS_POLICIES.join(', ')} (default: ${LOSS_POLICIES[0]})`,
      })
      .option('spares', { type: 'string', describe: 'nodes for --on-loss replace: cn[16-17]' })
      .option('demand', {
        type: 'boolean',
        default: true,
        describe: 'a read that waits brings its file forward (--no-demand: for comparison)',
      })
      .option('learn', {
        type: 'boolean',
        default: true,
        describe: 'send first what earlier runs have read at start-up, and remember what this one reads',
      })
      .option('user', { type: 'string', describe: 'run it as this user (root only)' })
      .option('report', { type: 'string', describe: 'write the report of the job to this file' })
      .option('progress', { type: 'boolean', describe: 'show progress (default: on a terminal)' })
      .option('quiet', { type: 'boolean', default: false, describe: 'no summary at the end' })
      .option('socket', {
        type: 'string',
        describe: "the login daemon's socket",
      }) as unknown as Argv<Options>,
  handler: runCommand,
};

async function runCommand(options: Options): Promise<void> {
  const argv = options['--'] ?? [];
  if (argv.length === 0) {
    throw usageError('COMMAND_MISSING', 'there is no command to run', {
      hint: 'Put it behind --: tees run --nodes cn[0-3] --upper DIR -- hostname',
    });
  }
  const stall = stallOptions(options);
  const layer = layerOptions(options);
  const { nodesFor } = await import('../../resource-manager/resource-managers.js');
  const nodes = nodesFor(options.nodes, process.env);
  const { RunClient } = await import('../run-client.js');
  const { daemonSocket } = await import('../ask-daemon.js');
  const socket = daemonSocket(options);
  const client = new RunClient({ ...options, nodes, ...layer, ...stall, argv, socket });
  process.exitCode = await client.run();
}

/** Inside an environment nothing need be said. */
function layerOptions({ upper, environment }: Options): { upper?: string; environment?: string } {
  if (upper !== undefined) return { upper };
  const name = environment ?? process.env['TEES_ENVIRONMENT'];
  if (name) return { environment: name };
  throw usageError('LAYER_MISSING', 'there is no layer to deploy', {
    hint: 'Run it inside an environment (tees shell), name one with --environment, or a directory with --upper.',
  });
}

/** What cannot be meant is said here; what is out of range, the daemon says. */
function stallOptions({ stallDeadline }: Options): { stallDeadlineMs?: number } {
  if (stallDeadline === undefined) return {};
  const stallDeadlineMs = parseDuration(stallDeadline);
  if (stallDeadlineMs !== undefined) return { stallDeadlineMs };
  throw usageError('STALL_DEADLINE_INVALID', `"${stallDeadline}" is no duration`, {
    hint: `Give ${DURATION_SYNTAX}.`,
  });
}
