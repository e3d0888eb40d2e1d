/** PBS: a file with a line for each slot, named by PBS_NODEFILE (pbs_resources(7B)). Its nodes may have their domain. */
import { readFileSync } from 'node:fs';
import { TeesError } from '../base/errors.js';
import type { ResourceManager } from './resource-manager.js';

export const pbs: ResourceManager = {
  name: 'PBS',
  allocation({ PBS_JOBID: job, PBS_NODEFILE: file }) {
    if (!job || !file) return undefined;
    return { job, nodes: [...new Set(slotsOf(file).map((name) => name.replace(/\..*/, '')))] };
  },
  lookUp() {
    const error = new TeesError(
      'RESOURCE_MANAGER_SILENT',
      'PBS is not asked: its tasks come in by no hook yet',
    );
    return Promise.reject(error);
  },
};

function slotsOf(file: string): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.map((line) => line.trim()).filter((line) => line !== '');
  } catch (cause) {
    throw new TeesError(
      'ALLOCATION_UNREADABLE',
      'the list of the job’s nodes cannot be read (PBS_NODEFILE)',
      {
        path: file,
        cause,
        hint: 'It is there on the first node of a PBS job only. Name the nodes with --nodes.',
      },
    );
  }
}
