/** One `tees run` in a process of its own, and its report. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmbeddedCluster } from '../src/emulator/cluster.js';
import type { Report } from '../src/report/report.js';

const MAIN = new URL('../src/cli/main.js', import.meta.url).pathname;

export async function runJob(
  cluster: EmbeddedCluster,
  options: readonly string[],
  command: readonly string[],
  { deadlineMs, onOutput }: { readonly deadlineMs?: number; readonly onOutput?: (text: string) => void } = {},
): Promise<Report> {
  const scratch = mkdtempSync(join(tmpdir(), 'tees-bench-'));
  try {
    const file = join(scratch, 'report.json');
    const args = [
      'run',
      '--cluster',
      cluster.stateDirectory,
      ...options,
      '--quiet',
      '--no-progress',
      '--report',
      file,
    ];
    const child = spawn(process.execPath, [MAIN, ...args, '--', ...command], {
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
    if (status !== 0) throw new Error(`tees run ended with status ${String(status)}`);
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
