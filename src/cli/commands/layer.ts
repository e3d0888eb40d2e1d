/** `tees layer`: a layer as it would travel, without a job. */
import type { CommandModule } from 'yargs';
import { command as diff } from './layer-diff.js';
import { command as forget } from './layer-forget.js';
import { EXPORT, IMPORT } from './layer-transfer.js';
import { command as scan } from './layer-scan.js';
import { command as split } from './layer-split.js';

export const command: CommandModule = {
  command: 'layer',
  describe: 'look at an upper layer',
  builder: (yargs) =>
    yargs
      .command(scan)
      .command(split)
      .command(diff)
      .command(EXPORT)
      .command(IMPORT)
      .command(forget)
      .demandCommand(1, 'which subcommand?'),
  handler: () => {},
};
