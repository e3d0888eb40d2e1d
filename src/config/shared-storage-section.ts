/** The part of the configuration that describes the shared storage, where there is any. */
import { isAbsolute, normalize } from 'node:path';
import { STORAGE_DEADLINE_MAX_MS, STORAGE_DEADLINE_MIN_MS } from '../base/limits.js';
import { DEFAULTS } from './config.js';
import type { SharedStorage } from './config.js';
import { DURATION } from './quantities.js';
import { readQuantity } from './quantity-value.js';
import type { Section } from './reader.js';

const KEYS = ['directory', 'deadline'] as const;
const HINT =
  'Give the directory that the login node and all compute nodes mount: { directory: /shared/tees }';

export function readSharedStorage(root: Section): { sharedStorage?: SharedStorage } {
  const section = root.get('sharedStorage')?.section(`a map with ${KEYS.join(' and ')}`, KEYS);
  if (!section) return {};
  const value = section.require('directory', HINT);
  const text = value.text('a path');
  if (!isAbsolute(text) || text.includes('\0')) throw value.fail(`"${text}" is no absolute path`, HINT);
  const deadline = section.get('deadline');
  const deadlineMs = deadline
    ? readQuantity(deadline, DURATION, STORAGE_DEADLINE_MIN_MS, STORAGE_DEADLINE_MAX_MS)
    : DEFAULTS.storageDeadlineMs;
  return { sharedStorage: { directory: normalize(text).replace(/(.)\/+$/, '$1'), deadlineMs } };
}
