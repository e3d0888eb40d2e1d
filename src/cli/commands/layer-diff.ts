/** `tees layer diff`: what a layer changes of the node it lies over. */
import { resolve } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { lowerOption, upperOption } from '../upper-option.js';

interface Options {
  readonly upper: string;
  readonly lower: string;
  readonly json: boolean;
}

export const command: CommandModule<object, Options> = {
  command: 'diff',
  describe: 'show what a layer changes of the node: added, modified, deleted, replaced',
  builder: (yargs) =>
    yargs
      .usage('$0 layer diff --upper DIR [--lower DIR] [--json]')
      .option('upper', upperOption())
      .option('lower', lowerOption())
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' }) as unknown as Argv<Options>,
  handler: diffCommand,
};

async function diffCommand({ upper, lower, json }: Options): Promise<void> {
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
