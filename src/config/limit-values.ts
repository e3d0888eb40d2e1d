/** What users may take, in the configuration. */
import {
  ENVIRONMENT_DISK_MIN_BYTES,
  ENVIRONMENT_MEMORY_MIN_BYTES,
  ENVIRONMENT_PROCESSES_MAX,
  ENVIRONMENT_PROCESSES_MIN,
  STORE_SIZE_MAX_BYTES,
} from '../base/limits.js';
import { SIZE } from './quantities.js';
import { readQuantity } from './quantity-value.js';
import type { Value } from './reader.js';

/** `none` has to be said where there is a default: nothing is left unbounded silently. */
function isNone(value: Value): boolean {
  return value.isText() && value.text('') === 'none';
}

export function readMemory(value: Value): number | undefined {
  if (isNone(value)) return undefined;
  return readQuantity(value, SIZE, ENVIRONMENT_MEMORY_MIN_BYTES, STORE_SIZE_MAX_BYTES);
}

export function readDisk(value: Value): number | undefined {
  if (isNone(value)) return undefined;
  return readQuantity(value, SIZE, ENVIRONMENT_DISK_MIN_BYTES, STORE_SIZE_MAX_BYTES);
}

export function readProcesses(value: Value): number | undefined {
  return isNone(value) ? undefined : value.integer(ENVIRONMENT_PROCESSES_MIN, ENVIRONMENT_PROCESSES_MAX);
}
