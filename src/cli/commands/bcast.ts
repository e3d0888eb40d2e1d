/** `tees bcast`: puts a file or a directory in its place on nodes, by the transport that jobs use. For administrators. */
import { realpathSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import { LOSS_POLICIES, SHAPE_CHOICES } from '../../config/config.js';

interface Options {
  source: string;
  dest: string;
  nodes: string;
  force: boolean;
  sync: boolean;
  method: string;
  width?: number;
  shape?: string;
  onLoss?: string;
  spares?: string;
  report?: string;
  json: boolean;
  progress?: boolean;
  quiet: boolean;
  socket?: string;
  config?: string;
  cluster?: string;
}

export const command: CommandModule<object, Options> = {
  command: 'bcast <source> <dest>',
  describe: 'put a file or directory in its place on nodes (root only)',
  builder: (yargs) =>
    yargs
      .usage('$0 bcast FILE|DIR DEST --nodes LIST [options]')
      .positional('source', { type: 'string', describe: 'a file or directory of the login node' })
      .positional('dest', {
        type: 'string',
        describe: 'its path on the nodes; DIR/ puts it into DIR, under its own name',
      })
      .option('nodes', { type: 'string', demandOption: true, describe: 'on which nodes: cn[0-15,20]' })
      .option('force', {
        type: 'boolean',
        default: false,
        describe: 'a directory takes the place of what is there, in one step',
      })
      .option('sync', {
        type: 'boolean',
        default: true,
        describe: "it is on the nodes' disks before it appears (--no-sync: when the kernel likes)",
      })
      .option('method', {
        type: 'string',
        default: 'auto',
        describe: 'auto, p2p, random, one-to-all or shared',
      })
      .option('width', { type: 'number', describe: 'children of a node in the tree, at most' })
      .option('shape', {
        type: 'string',
        describe: `of the tree: ${SHAPE_CHOICES.join(', ')}, or one by its name`,
      })
      .option('on-loss', {
        type: 'string',
        describe: `when a node is lost: ${LOSS_POLICIES.join(', ')} (default: ${LOSS_POLICIES[0]})`,
      })
      .option('spares', { type: 'string', describe: 'nodes for --on-loss replace: cn[16-17]' })
      .option('report', { type: 'string', describe: 'write the report to this file' })
      .option('json', { type: 'boolean', default: false, describe: 'the report on standard output' })
      .option('progress', { type: 'boolean', describe: 'show progress (default: on a terminal)' })
      .option('quiet', { type: 'boolean', default: false, describe: 'no summary at the end' })
      .option('socket', {
        type: 'string',
        describe: "the login daemon's socket",
      }) as unknown as Argv<Options>,
  handler: broadcast,
};

async function broadcast(options: Options): Promise<void> {
  const { source, force, sync, quiet, json } = options;
  const { RunClient } = await import('../run-client.js');
  const { daemonSocket } = await import('../ask-daemon.js');
  const destination = destinationOf(options);
  const client = new RunClient({
    ...options,
    upper: sourceOf(source),
    argv: ['bcast', source, destination],
    placement: { destination, force, sync },
    quiet: quiet || json,
    ...{ urgent: [], complete: true, demand: true, learn: false },
    socket: daemonSocket(options),
  });
  process.exitCode = await client.run();
  if (json && client.report) process.stdout.write(`${JSON.stringify(client.report, null, 2)}\n`);
}

/** What a link leads to is meant. */
function sourceOf(source: string): string {
  try {
    return realpathSync(source);
  } catch {
    // The daemon says what is wrong with it.
    return resolve(source);
  }
}

function destinationOf({ source, dest }: Options): string {
  if (!dest.startsWith('/')) {
    throw usageError('DESTINATION_RELATIVE', `"${dest}" is not absolute`, {
      hint: 'Give the path on the nodes, from / on: they have no working directory in common.',
    });
  }
  return resolve(dest.endsWith('/') ? `${dest}${basename(resolve(source))}` : dest);
}
