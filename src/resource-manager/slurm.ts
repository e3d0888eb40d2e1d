/** Slurm: sbatch(1), salloc(1) and srun(1) set these in every job. */
import { parseHostlist } from '../topology/hostlist.js';
import type { ResourceManager } from './resource-manager.js';

export const slurm: ResourceManager = {
  name: 'Slurm',
  allocation({ SLURM_JOB_ID: job, SLURM_JOB_NODELIST: list }) {
    return job && list ? { job, nodes: parseHostlist(list) } : undefined;
  },
};
