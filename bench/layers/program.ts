/** Runs a system program to its end, for preparing layers: plain locale, whole output, errors that say what to do. */
import { execFile } from 'node:child_process';
import { TeesError } from '../../src/base/errors.js';

const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** @throws TeesError LAYER_PROGRAM_MISSING, LAYER_PROGRAM_FAILED (with the last lines of its standard error) */
export function run(program: string, args: readonly string[], options: ProgramOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = {
      maxBuffer: OUTPUT_MAX_BYTES,
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
      signal: options.signal,
    };
    execFile(program, args, settings, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if ((error as NodeJS.ErrnoException).code === 'ENOENT') reject(missing(program, error));
      else {
        const said = (stderr.trim() || stdout.trim()).split('\n').slice(-5).join('\n');
        const message = `${program} ${args[0] ?? ''} failed: ${said}`;
        reject(new TeesError('LAYER_PROGRAM_FAILED', message, { cause: error }));
      }
    }).stdin?.end();
  });
}

function missing(program: string, cause: Error): TeesError {
  return new TeesError(
    'LAYER_PROGRAM_MISSING',
    `${program} is not there; layers are made of Debian packages`,
    {
      cause,
      hint: 'Prepare the layer on a Debian system (apt-get and dpkg-deb are part of each), or in a container of one.',
    },
  );
}
