/** What a store's file system says when something cannot be written there, as an error that says what to do. */
import { TeesError } from '../base/errors.js';

/** @returns STORE_FULL or STORE_FAILED, naming the path; what is such an error already stays as it is */
export function storeError(cause: unknown, path: string): TeesError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return TeesError.from(cause, 'STORE_FAILED', { path });
  return new TeesError('STORE_FULL', "the store's file system is full", {
    path,
    cause,
    hint: 'Free space there, or let store.directory in the configuration name a larger file system.',
  });
}
