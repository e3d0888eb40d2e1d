/** Runs the real program. */
import { spawnSync } from 'node:child_process';

const PROGRAM = new URL('../../../../../bin/tees', import.meta.url).pathname;
export const EXAMPLE = new URL('../../../../../tees.example.yaml', import.meta.url).pathname;

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function tees(...args: string[]): Outcome {
  const env = { ...process.env, TEES_CLUSTER: '' };
  return spawnSync(PROGRAM, args, { encoding: 'utf8', env, maxBuffer: 64 * 2 ** 20 });
}
