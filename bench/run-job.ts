/** One `tees run`, or another command, in a process of its own, and its report. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmbeddedCluster } from '../src/emulator/cluster.js';
import type { Report } from '../src/report/report.js';

const MAIN = new URL('../src/cli/main.js', import.meta.url).pathname;

interface Options {
  readonly deadlineMs?: number;
  readonly onOutput?: (text: string) => void;
}

export function runJob(
  cluster: EmbeddedCluster,
  options: readonly string[],
  command: readonly string[],
  how: Options = {},
): Promise<Report> {
  return runTees(cluster, ['run', ...options], how, ['--', ...command]);
}

/** A command of TEES that leaves a report. @param words with its name first */
export async function runTees(
  cluster: EmbeddedCluster,
  words: readonly string[],
  { deadlineMs, onOutput }: Options = {},
  rest: readonly string[] = [],
): Promise<Report> {
  const scratch = mkdtempSync(join(tmpdir(), 'tees-bench-'));
  try {
    const file = join(scratch, 'report.json');
    const where = ['--cluster', cluster.stateDirectory];
    const args = [...words, ...where, '--quiet', '--no-progress', '--report', file, ...rest];
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: '/',
      stdio: ['ignore', onOutput ? 'pipe' : 'ignore', 'inherit'],
      // Without the command its job ends.
      killSignal: 'SIGKILL',
      ...(deadlineMs === undefined ? {} : { timeout: deadlineMs }),
    });
    child.stdout?.setEncoding('utf8').on('data', onOutput ?? (() => {}));
    const status = await new Promise((resolve) =>
      child.once('close', (code, signal) => resolve(code ?? signal)),
    );
    if (status !== 0) throw new Error(`tees ${words[0] ?? ''} ended with status ${String(status)}`);
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
