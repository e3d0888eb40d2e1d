/** `tees layer diff`: what a layer changes of the node it lies over. */
import { resolve } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import type { SocketOptions } from '../ask-daemon.js';
import { lowerOption, upperOption } from '../upper-option.js';

interface Options extends SocketOptions {
  readonly environment?: string;
  readonly upper?: string;
  readonly lower: string;
  readonly json: boolean;
}

export const command: CommandModule<object, Options> = {
  command: 'diff',
  describe: 'show what a layer changes of the node: added, modified, deleted, replaced',
  builder: (yargs) =>
    yargs
      .usage('$0 layer diff [-e NAME | --upper DIR [--lower DIR]] [--json]')
      .option('environment', {
        alias: 'e',
        type: 'string',
        describe: 'of your private environment of this name, which is started when it does not run',
      })
      .option('socket', { type: 'string', describe: "the keeper's socket" })
      .option('upper', { ...upperOption(), demandOption: false })
      .option('lower', lowerOption())
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' }) as unknown as Argv<Options>,
  handler: diffCommand,
};

/** In there, where it shows its own layer: nobody but root can go there by its path. */
async function diffInside(options: Options): Promise<void> {
  const { enter } = await import('../enter.js');
  const program = [process.execPath, process.argv[1] ?? '', 'layer', 'diff'];
  process.exitCode = await enter({ ...options, asUser: false }, [
    ...program,
    ...(options.json ? ['--json'] : []),
  ]);
}

async function diffCommand(options: Options): Promise<void> {
  if (options.environment !== undefined) return diffInside(options);
  const { upper, lower, json } = options;
  if (upper === undefined)
    throw usageError('LAYER_NOT_NAMED', 'of which layer?', {
      hint: 'tees layer diff -e default, for your private environment; or --upper DIR.',
    });
  const { scanLayer } = await import('../../scan/scan.js');
  const { diffLayer } = await import('../../scan/layer-diff.js');
  const { display } = await import('../../base/bytes.js');
  const { diffText } = await import('../diff-text.js');
  const layer = await scanLayer(resolve(upper));
  await layer.close();
  const changes = diffLayer({ manifest: layer.manifest, upper: resolve(upper), lower: resolve(lower) });
  const facts = changes.map((change) => ({ ...change, path: `/${display(change.path)}` }));
  process.stdout.write(json ? `${JSON.stringify({ schema: 1, changes: facts })}\n` : diffText(changes));
}
