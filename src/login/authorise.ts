/**
 * What a user may ask for: their own layer, as themselves; root anything, for anybody. That the layer is theirs is
 * found out where it is opened (scan/locations.ts), because what a path leads to can change after it was looked at.
 */
import { isAbsolute } from 'node:path';
import { TeesError, usageError } from '../base/errors.js';
import type { PeerCredentials } from '../base/native.js';
import type { RunRequest } from '../wire/api.js';

/** @throws TeesError LAYER_NOT_FOUND, USER_FORBIDDEN, BCAST_FORBIDDEN */
export function authorise(asker: PeerCredentials, { upper, user, placement }: RunRequest): void {
  if (asker.uid !== 0 && placement) {
    throw new TeesError('BCAST_FORBIDDEN', 'only root may put files on nodes', {
      hint: 'Deploy them as a layer instead: tees run --upper DIR.',
    });
  }
  if (!isAbsolute(upper) || upper.includes('\0'))
    throw usageError('LAYER_NOT_FOUND', 'the path of an upper layer must be absolute', { path: upper });
  if (asker.uid !== 0 && user) {
    throw new TeesError('USER_FORBIDDEN', 'only root may run a command as another user', {
      hint: 'Leave out --user.',
    });
  }
}
