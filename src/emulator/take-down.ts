/** Ends the cluster of a state directory, also one of which only files are left because all of it was killed. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { TeesError } from '../base/errors.js';
import { awaitDeath, openCluster } from './cluster.js';
import { findCommand } from './host-processes.js';
import { superviseCommand } from './owner.js';
import { StateDirectory } from './state-directory.js';
import { checkTools, initPath } from './tools.js';

const UNREACHABLE = new Set(['CLUSTER_NOT_UP', 'CLUSTER_NOT_ANSWERING']);

/**
 * @returns `leftovers` when none was up
 * @throws TeesError CLUSTER_NOT_UP when there is nothing to end, CLUSTER_DOWN_FAILED
 */
export async function takeDown(stateDirectory: string): Promise<'up' | 'leftovers'> {
  const state = new StateDirectory(resolve(stateDirectory));
  try {
    await (await openCluster(state.path)).down();
    return 'up';
  } catch (error) {
    if (!(error instanceof TeesError && UNREACHABLE.has(error.code))) throw error;
    // It has only begun, or is ending, or its supervisor does not answer.
    const supervise = findCommand(initPath(), 'supervise', state.path);
    if (supervise !== undefined) {
      process.kill(supervise, 'SIGTERM');
      await awaitDeath(supervise, state.path);
      return 'up';
    }
    if (!existsSync(state.controlSocket)) throw error;
  }
  sweep(state.path);
  return 'leftovers';
}

function sweep(path: string): void {
  checkTools();
  const argv = ['sweep', path, '--', ...superviseCommand({ stateDirectory: path, end: 'keep-logs' })];
  const { status, stderr } = spawnSync(initPath(), argv, { encoding: 'utf8' });
  if (status !== 0) throw failed(path, stderr);
}

function failed(path: string, why: string): TeesError {
  return new TeesError('CLUSTER_DOWN_FAILED', `the leftovers of a cluster cannot be removed: ${why.trim()}`, {
    path,
  });
}
