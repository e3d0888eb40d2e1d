/**
 * What a daemon that was killed has left: jobs that go on, and remnants of which nothing can be made any more. Those are
 * removed, and nothing is left mounted.
 */
import { readdir } from 'node:fs/promises';
import { TeesError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { directoriesBelow, endServed } from '../environment/directories.js';
import { findLauncher } from '../environment/launch.js';
import type { Removals } from '../environment/removals.js';
import type { JobSpec } from '../wire/job.js';
import { removeStaged } from './job-placement.js';
import { JobRecord } from './job-record.js';

/**
 * @param jobsDirectory holds one directory a job
 * @param restore what is thrown is why the job cannot be restored
 */
export async function takeOver(
  jobsDirectory: string,
  removals: Removals,
  log: Log,
  restore: (spec: JobSpec) => Promise<void>,
): Promise<void> {
  for (const name of (await readdir(jobsDirectory)).sort()) {
    const directory = `${jobsDirectory}/${name}`;
    try {
      await restore(new JobRecord(directory).spec());
    } catch (error) {
      const { code, message } = TeesError.from(error, 'RECORD_INVALID');
      log.warn(
        `job ${name}: removing what an earlier daemon left, it cannot be restored: ${code}: ${message}`,
      );
      await removeRemnant(directory, removals, log);
    }
  }
}

/** Also of a job whose processes still run. */
async function removeRemnant(directory: string, removals: Removals, log: Log): Promise<void> {
  const directories = directoriesBelow(directory);
  try {
    const launcher = await findLauncher(directories);
    launcher?.kill();
    endServed(directories);
    await launcher?.exit;
    await removeStaged(new JobRecord(directory));
    await removals.remove(directories);
  } catch (error) {
    log.error(`${directory}: cannot be removed: ${String(error)}`);
  }
}
