/** What a command on a node has printed, and how it ended. */
import type { ChildProcess } from 'node:child_process';
import { TeesError } from '../base/errors.js';
import { COMMAND_OUTPUT_MAX_BYTES } from '../base/limits.js';

export interface ExecOptions {
  /** Used if it exists on the node too. Default: the caller's. */
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  /** Null when a signal ended it. 126 and 127 as a shell has them. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @throws TeesError COMMAND_OUTPUT_TOO_LONG */
export function collect(child: ChildProcess, input: string | Uint8Array | undefined): Promise<ExecResult> {
  const { stdin, stdout, stderr } = child;
  stdin?.on('error', () => {}); // the command does not read its input
  stdin?.end(input);
  return new Promise((resolve, reject) => {
    let size = 0;
    const gather = (parts: Buffer[]) => (part: Buffer) => {
      size += part.length;
      if (size <= COMMAND_OUTPUT_MAX_BYTES) return void parts.push(part);
      child.kill('SIGKILL');
      reject(
        new TeesError(
          'COMMAND_OUTPUT_TOO_LONG',
          `the command prints more than ${COMMAND_OUTPUT_MAX_BYTES} bytes`,
        ),
      );
    };
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    stdout?.on('data', gather(out));
    stderr?.on('data', gather(err));
    child.once('error', reject);
    child.once('close', (status, signal) => {
      const text = (parts: Buffer[]) => Buffer.concat(parts).toString('utf8');
      resolve({ status, signal, stdout: text(out), stderr: text(err) });
    });
  });
}
