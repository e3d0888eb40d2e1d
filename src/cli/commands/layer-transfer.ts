/** `tees layer export` and `import`: a private environment as a tar, by GNU tar, as root inside would write and read it. */
import { closeSync, openSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { TeesError, usageError } from '../../base/errors.js';
import type { SocketOptions } from '../ask-daemon.js';

interface Options extends SocketOptions {
  readonly environment: string;
  readonly file: string;
}

function transfer(verb: 'export' | 'import', describe: string): CommandModule<object, Options> {
  return {
    command: `${verb} [file]`,
    describe,
    builder: (yargs) =>
      yargs
        .positional('file', {
          type: 'string',
          default: '-',
          describe: 'a tar; - is standard output, or input',
        })
        .option('environment', {
          alias: 'e',
          type: 'string',
          default: 'default',
          describe:
            verb === 'export' ? 'which; it must not run' : 'its name; there must be none of that name',
        })
        .option('socket', { type: 'string', describe: "the keeper's socket" }),
    handler: async (options) => {
      const { transferByKeeper } = await import('../enter.js');
      const stream = openStream(verb, options.file);
      try {
        process.exitCode = await transferByKeeper(options, verb, options.environment, stream);
      } finally {
        if (options.file !== '-') closeSync(stream);
      }
    },
  };
}

function openStream(verb: 'export' | 'import', file: string): number {
  const standard = verb === 'export' ? 1 : 0;
  if (file === '-' && verb === 'export' && process.stdout.isTTY)
    throw usageError('OUTPUT_IS_TERMINAL', 'a tar is nothing for a terminal', {
      hint: 'Name a file, or pipe it: tees layer export | zstd >layer.tar.zst',
    });
  if (file === '-') return standard;
  try {
    return openSync(file, verb === 'export' ? 'w' : 'r', 0o600);
  } catch (error) {
    throw TeesError.from(error, 'FILE_UNUSABLE', { path: file });
  }
}

export const EXPORT = transfer('export', 'write a private environment as a tar');
export const IMPORT = transfer('import', 'make a private environment of a tar');
