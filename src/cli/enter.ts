/** Coming into a private environment: by tees-enter, which has the terminal. */
import { spawn } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { TeesError } from '../base/errors.js';
import { enterPath } from '../base/native.js';
import { locateConfig } from '../config/locate.js';
import { loadConfig } from '../config/parse.js';
import type { SocketOptions } from './ask-daemon.js';

export interface EnterOptions extends SocketOptions {
  readonly environment?: string;
  readonly asUser: boolean;
}

/** Of the keeper. @throws TeesError of the configuration */
export function keeperSocket(options: SocketOptions): string {
  return options.socket ?? `${loadConfig(locateConfig(options)).runtimeDirectory}/environments.sock`;
}

/** @returns the exit status. @throws TeesError ADDON_MISSING */
export async function enter(options: EnterOptions, argv: readonly string[]): Promise<number> {
  const words = [
    ...['--socket', keeperSocket(options)],
    ...(options.environment === undefined ? [] : ['--environment', options.environment]),
    ...(options.asUser ? ['--as-user'] : []),
    ...(argv.length > 0 ? ['--', ...argv] : []),
  ];
  return runEnter(words, ['inherit', 'inherit', 'inherit']);
}

/** @param stream a descriptor: of a tar that is written, or read. @returns the exit status */
export function transferByKeeper(
  options: SocketOptions,
  verb: 'export' | 'import',
  environment: string,
  stream: number,
): Promise<number> {
  const words = ['--socket', keeperSocket(options), `--${verb}`, environment];
  return runEnter(words, verb === 'export' ? ['ignore', stream, 'inherit'] : [stream, 'ignore', 'inherit']);
}

async function runEnter(words: readonly string[], stdio: StdioOptions): Promise<number> {
  const child = spawn(enterPath(), words, { stdio });
  // A terminal's signals reach it by themselves; others are passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)
    process.on(signal, () => void (process.stdin.isTTY || child.kill(signal)));
  child.once('error', () => {});
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (status !== null && status >= 0) return status;
  if (signal) return 128 + constants.signals[signal];
  throw new TeesError('ADDON_MISSING', 'the program that enters environments is missing', {
    path: enterPath(),
    hint: 'Build it with: npm run build:native',
  });
}
