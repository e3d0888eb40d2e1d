/** `tees layer scan`: what of an upper layer would travel. */
import { resolve } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import type { Entry, EntryType, Manifest } from '../../image/manifest.js';
import type { ScannedLayer } from '../../scan/scan.js';
import { upperOption } from '../upper-option.js';

interface Options {
  readonly upper: string;
  readonly paths: boolean;
  readonly json: boolean;
}

interface LayerFacts {
  readonly upper: string;
  readonly entries: number;
  readonly byType: Readonly<Partial<Record<EntryType, number>>>;
  readonly hardlinks: number;
  readonly opaque: number;
  readonly contents: number;
  readonly chunks: number;
  readonly bytes: {
    /** Sizes of all files, holes included, hardlinks counted once. */
    readonly apparent: number;
    /** Of different contents, without holes: what travels. */
    readonly data: number;
    readonly manifest: number;
  };
}

export const command: CommandModule<object, Options> = {
  command: 'scan',
  describe: 'show what of a layer would travel',
  builder: (yargs) =>
    yargs
      .usage('$0 layer scan --upper DIR [--paths] [--json]')
      .option('upper', upperOption())
      .option('paths', { type: 'boolean', default: false, describe: 'list every name too' })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' }) as unknown as Argv<Options>,
  handler: scanCommand,
};

async function scanCommand(options: Options): Promise<void> {
  const { scanLayer } = await import('../../scan/scan.js');
  const { display } = await import('../../base/bytes.js');
  const upper = resolve(options.upper);
  const layer = await scanLayer(upper);
  await layer.close();
  const facts = await factsOf(upper, layer);
  const paths = options.paths
    ? layer.manifest.entries.map((entry) => ({ ...about(entry), path: display(entry.path) || '/' }))
    : undefined;
  if (options.json) {
    process.stdout.write(JSON.stringify({ ...facts, ...(paths ? { paths } : {}) }) + '\n');
    return;
  }
  for (const { type, size, path } of paths ?? [])
    process.stdout.write(`${type.padEnd(9)} ${String(size).padStart(12)} ${path}\n`);
  process.stdout.write(textOf(facts));
}

function about(entry: Entry): { type: string; size: number } {
  return { type: entry.hardlinkTo === undefined ? entry.type : 'hardlink', size: entry.size };
}

async function factsOf(upper: string, { manifest, statistics }: ScannedLayer): Promise<LayerFacts> {
  const { chunkCountOf } = await import('../../image/chunks.js');
  const { dataSize } = await import('../../image/manifest.js');
  const { entries, contents } = manifest;
  const firstNames = entries.filter((entry) => entry.hardlinkTo === undefined);
  return {
    upper,
    entries: entries.length,
    byType: countTypes(manifest),
    hardlinks: entries.length - firstNames.length,
    opaque: entries.filter((entry) => entry.opaque).length,
    contents: contents.length,
    chunks: chunkCountOf(manifest),
    bytes: {
      apparent: firstNames.reduce((sum, { size }) => sum + size, 0),
      data: contents.reduce((sum, content) => sum + dataSize(content), 0),
      manifest: statistics.manifestBytes,
    },
  };
}

function countTypes({ entries }: Manifest): Partial<Record<EntryType, number>> {
  const counts: Partial<Record<EntryType, number>> = {};
  for (const { type } of entries) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

const PLURALS: Readonly<Record<EntryType, string>> = {
  directory: 'directories',
  file: 'files',
  symlink: 'symbolic links',
  fifo: 'fifos',
  socket: 'sockets',
  whiteout: 'whiteouts',
};

function textOf({ upper, entries, byType, hardlinks, opaque, contents, chunks, bytes }: LayerFacts): string {
  const types = Object.entries(byType).map(([type, count]) => `  ${count} ${PLURALS[type as EntryType]}`);
  const lines = [
    `${upper}: ${entries} names`,
    ...types,
    ...(hardlinks > 0 ? [`  ${hardlinks} of them further names of the same file (hardlinks)`] : []),
    ...(opaque > 0 ? [`  ${opaque} directories hide what lies below them (opaque)`] : []),
    `${mebibytes(bytes.apparent)} in files; ${mebibytes(bytes.data)} travel, as ${contents} contents in ${chunks} chunks`,
    `manifest: ${bytes.manifest} bytes, ${(bytes.manifest / entries).toFixed(1)} a name`,
  ];
  return lines.join('\n') + '\n';
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
