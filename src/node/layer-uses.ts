/** Which use a job makes of its layer on a node, with what it takes of the node's daemon. */
import type { NodeJobContext } from './job-context.js';
import { JobEnvironment } from './job-environment.js';
import type { JobEnvironmentOptions } from './job-environment-options.js';
import { JobPlacement } from './job-placement.js';
import type { LayerUse } from './layer-use.js';

type OfTheJob = Pick<JobEnvironmentOptions, 'spec' | 'record' | 'restored' | 'onOutput' | 'onUncovered'>;

export function useOf({ self, config, removals, cache, log }: NodeJobContext, job: OfTheJob): LayerUse {
  const { placement } = job.spec;
  if (placement) return new JobPlacement({ ...job, placement, node: self, removals, cache, log });
  return new JobEnvironment({
    ...job,
    ...{ node: self, removals, cache, log },
    ...config.environment,
    serving: config,
    hidden: [config.store.directory, config.runtimeDirectory],
  });
}
