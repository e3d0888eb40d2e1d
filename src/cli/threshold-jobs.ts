/** `tees calibrate`, its last part: the same layer deployed by both methods to more and more nodes. */
import { spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TeesError } from '../base/errors.js';
import { countsUpTo } from '../planning/threshold.js';
import type { Comparison } from '../planning/threshold.js';
import type { Report } from '../report/report.js';
import { foldHostlist } from '../topology/hostlist.js';

const MAIN = new URL('./main.js', import.meta.url).pathname;

export interface ComparisonOptions {
  readonly nodes: readonly string[];
  readonly socket: string;
  readonly bytes: number;
  doing(text: string): void;
}

/** @throws TeesError CALIBRATION_FAILED, with what the job has said */
export async function compareMethods(options: ComparisonOptions): Promise<Comparison[]> {
  const { nodes, socket, bytes } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'tees-calibrate-'));
  try {
    const deploy = (count: number, method: string): Promise<number> => {
      options.doing(`threshold: ${method} to ${count} of ${nodes.length} nodes`);
      return deployOnce(scratch, { nodes: foldHostlist(nodes.slice(0, count)), method, socket, bytes });
    };
    // The first one opens the links, and does not count.
    for (const method of ['shared', 'p2p']) await deploy(nodes.length, method);
    const comparisons: Comparison[] = [];
    for (const count of countsUpTo(nodes.length)) {
      const shared = await deploy(count, 'shared');
      comparisons.push({ nodes: count, shared, p2p: await deploy(count, 'p2p') });
    }
    return comparisons;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Deployment {
  readonly nodes: string;
  readonly method: string;
  readonly socket: string;
  readonly bytes: number;
}

/** What no node has had before. @returns seconds from the plan until the last node has it */
async function deployOnce(scratch: string, { nodes, method, socket, bytes }: Deployment): Promise<number> {
  const [upper, file] = [join(scratch, 'upper'), join(scratch, 'report')];
  mkdirSync(join(upper, 'var/tmp'), { recursive: true });
  writeFileSync(join(upper, 'var/tmp/tees-calibrate'), randomFillSync(Buffer.alloc(bytes)));
  const where = ['--nodes', nodes, '--upper', upper, '--method', method, '--socket', socket];
  const words = ['run', ...where, '--complete', '--no-learn', '--no-progress', '--quiet', '--report', file];
  const child = spawn(process.execPath, [MAIN, ...words, '--', 'true'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const status = await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  if (status !== 0)
    throw new TeesError(
      'CALIBRATION_FAILED',
      `a deployment by ${method} to ${nodes} failed: ${said.trim()}`,
      {
        hint: 'Let tees run work there first, or give other nodes: --nodes LIST.',
      },
    );
  const { timeline } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  return (timeline.hystereticDelivered ?? NaN) - (timeline.planned ?? NaN);
}
