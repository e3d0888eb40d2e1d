/** What a daemon that was killed left behind is removed when the next one starts: nothing is left mounted. */
import { readdir } from 'node:fs/promises';
import type { Log } from '../base/log.js';
import { directoriesBelow, removeDirectories } from '../environment/directories.js';

/** @param jobsDirectory holds one directory a job */
export async function removeLeftovers(jobsDirectory: string, log: Log): Promise<void> {
  for (const name of await readdir(jobsDirectory)) {
    log.info(`job ${name}: removing what an earlier daemon left`);
    await removeDirectories(directoriesBelow(`${jobsDirectory}/${name}`));
  }
}
