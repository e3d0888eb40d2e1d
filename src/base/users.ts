/** A user's numbers, as the system's own id(1) knows them: local files, LDAP or whatever the site has. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { usageError } from './errors.js';

const run = promisify(execFile);

/** @param name a name or a number */
export async function lookUpUser(name: string): Promise<{ uid: number; gid: number; groups: number[] }> {
  try {
    const ask = async (option: string): Promise<number[]> =>
      (await run('id', [option, '--', name])).stdout.trim().split(/\s+/).map(Number);
    const [[uid = NaN], [gid = NaN], groups] = await Promise.all([ask('-u'), ask('-g'), ask('-G')]);
    return { uid, gid, groups };
  } catch (cause) {
    throw usageError('USER_UNKNOWN', `there is no user '${name}' here`, {
      cause,
      hint: 'See: getent passwd',
    });
  }
}
