/** What a user may deploy: what is theirs, as themselves; root anything, for anybody. */
import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { TeesError, usageError } from '../base/errors.js';
import type { PeerCredentials } from '../base/native.js';
import type { RunRequest } from '../wire/api.js';

/** @throws TeesError LAYER_NOT_FOUND, LAYER_FORBIDDEN, USER_FORBIDDEN */
export async function authorise(asker: PeerCredentials, { upper, user }: RunRequest): Promise<void> {
  if (!isAbsolute(upper) || upper.includes('\0'))
    throw usageError('LAYER_NOT_FOUND', 'the path of an upper layer must be absolute', { path: upper });
  if (asker.uid !== 0 && user) {
    throw new TeesError('USER_FORBIDDEN', 'only root may run a command as another user', {
      hint: 'Leave out --user.',
    });
  }
  // What is not there, or is no directory, the scan says.
  const owner = await stat(upper).then(
    ({ uid }) => uid,
    () => undefined,
  );
  if (owner === undefined || asker.uid === 0 || owner === asker.uid) return;
  throw new TeesError('LAYER_FORBIDDEN', 'this upper layer belongs to another user', {
    path: upper,
    hint: 'Deploy a layer of your own (--upper DIR).',
  });
}
