/** Starts a job's serving process: native/serve/setup.h. It mounts, leaves its pair behind and ends. */
import { spawn } from 'node:child_process';
import { getSystemErrorMap } from 'node:util';
import { TeesError, assert } from '../base/errors.js';
import { SERVE_START_DEADLINE_MS } from '../base/limits.js';
import { servePath } from '../base/native.js';

type Stdio = ('pipe' | 'ignore' | number)[];

/** The program, for builds that check themselves. */
export interface ServeProgram {
  /** Another one, and variables it shall have. */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A descriptor for its standard error, with SETUP_KEEP_ERRORS. */
  readonly errors?: number;
}

export interface ServeSetup extends ServeProgram {
  /** Of the job: `served` in it is mounted, and the process stays there. */
  readonly jobDirectory: string;
  /** `encodeSetup` */
  readonly setup: Buffer;
}

/** @throws TeesError HOOK_UNAVAILABLE, HOOK_FAILED; nothing is left mounted then */
export async function startServing({ jobDirectory, setup, ...program }: ServeSetup): Promise<void> {
  await run(jobDirectory, [], ['pipe', 'pipe', program.errors ?? 'ignore'], program, setup);
}

/**
 * Another pair for a mount that both have left.
 * @param descriptors theirs, by the numbers that they had
 * @throws TeesError HOOK_UNAVAILABLE, HOOK_FAILED
 */
export async function serveAgain(
  jobDirectory: string,
  descriptors: ReadonlyMap<number, number>,
  program: ServeProgram,
): Promise<void> {
  const stdio: Stdio = ['ignore', 'pipe', program.errors ?? 'ignore'];
  for (const [number, fd] of descriptors) stdio[number] = fd;
  for (let number = 0; number < stdio.length; number++) stdio[number] ??= 'ignore';
  await run(jobDirectory, ['again'], stdio, program);
}

async function run(
  jobDirectory: string,
  words: readonly string[],
  stdio: Stdio,
  { program, env }: ServeProgram,
  setup?: Buffer,
): Promise<void> {
  const path = program ?? servePath();
  const line = await new Promise<string>((resolve, reject) => {
    const child = spawn(path, words, {
      cwd: jobDirectory,
      env: { ...env },
      stdio,
      // A session of its own: a terminal's Ctrl-C is the daemon's business.
      detached: true,
      timeout: SERVE_START_DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    const { stdin, stdout } = child;
    assert(stdout, 'the serving process has its streams');
    let output = '';
    stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    // Who fails early does not read everything; the line says why.
    stdin?.on('error', () => {});
    child.on('error', (cause) => reject(cannotStart(path, cause)));
    child.on('close', () => resolve(output.trim()));
    stdin?.end(setup);
  });
  if (!line.startsWith('ready')) throw failure(line, jobDirectory);
}

function cannotStart(path: string, cause: Error): TeesError {
  return new TeesError('HOOK_UNAVAILABLE', `cannot start the serving process: ${cause.message}`, {
    path,
    cause,
    hint: 'Build it with: npm run build:native',
  });
}

function failure(line: string, path: string): TeesError {
  const [, errno, what] = /^failed (\d+) (.*)$/.exec(line) ?? [];
  if (errno === undefined || what === undefined)
    return new TeesError('HOOK_FAILED', 'the serving process ended without a word', { path });
  const reason = getSystemErrorMap().get(-Number(errno))?.join(': ') ?? `errno ${errno}`;
  const message = `the serving process cannot ${what}: ${reason}`;
  const hint = 'It takes root, and FUSE in the kernel: modprobe fuse';
  if (/^(open \/dev\/fuse|mount$)/.test(what))
    return new TeesError('HOOK_UNAVAILABLE', message, { path, hint });
  return new TeesError('HOOK_FAILED', message, { path });
}
