/** The part of the configuration that describes users' private environments on the login node, where there are any. */
import { totalmem } from 'node:os';
import { isAbsolute, normalize } from 'node:path';
import { ENVIRONMENT_IDS } from '../base/limits.js';
import { DEFAULTS, DEVICES } from './config.js';
import type { Environments } from './config.js';
import { readDisk, readMemory, readProcesses } from './limit-values.js';
import type { Section, Value } from './reader.js';

/** Of the keeper (native/environment/settings.h). */
const DEVICES_MAX = 64;
const KEYS = ['directory', 'bind', 'devices', 'ids', 'memory', 'processes', 'disk'] as const;
const ID_MAX = 0xffff_fffe;
/** Of the node's memory, where the file says nothing. */
const MEMORY_PART = 1 / 2;
const HINT = 'Give the directory where environments are kept: { directory: /var/lib/tees/environments }';

export function readEnvironments(root: Section): { environments?: Environments } {
  const section = root.get('environments')?.section(`a map with ${KEYS.join(', ')}`, KEYS);
  if (!section) return {};
  const bind = section.get('bind')?.list('a list of paths').map(readBind);
  const devices = section.get('devices');
  const memory = section.get('memory');
  const processes = section.get('processes');
  const disk = section.get('disk');
  const diskBytes = disk ? readDisk(disk) : undefined;
  const memoryBytes = memory ? readMemory(memory) : Math.floor(totalmem() * MEMORY_PART);
  const most = processes ? readProcesses(processes) : DEFAULTS.environmentProcesses;
  return {
    environments: {
      directory: readPath(section.require('directory', HINT)),
      bind: bind ?? DEFAULTS.environmentBind,
      devices: devices ? readDevices(devices) : DEFAULTS.environmentDevices,
      ids: readIds(section) ?? DEFAULTS.environmentIds,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(most === undefined ? {} : { processes: most }),
      ...(diskBytes === undefined ? {} : { diskBytes }),
    },
  };
}

function readPath(value: Value): string {
  const text = value.text('a path');
  if (!isAbsolute(text) || text.includes('\0')) throw value.fail(`"${text}" is no absolute path`, HINT);
  return normalize(text).replace(/(.)\/+$/, '$1');
}

function readBind(value: Value): string {
  const text = value.text('a path');
  const path = text.replace(/^\?/, '');
  if (path === '~' || (isAbsolute(path) && normalize(path) !== '/' && !path.includes('\0'))) return text;
  throw value.fail(
    `"${text}" is no path to show`,
    'Give absolute paths of the login node, or ~ for the user’s home; with a ? before it it may be missing.',
  );
}

function readDevices(value: Value): string[] {
  const devices = value.list('a list of paths').map(readDevice);
  if (devices.length <= DEVICES_MAX) return devices;
  throw value.fail(
    `there are ${devices.length} of them`,
    `Up to ${DEVICES_MAX} can be given; each may be a pattern.`,
  );
}

function readDevice(value: Value): string {
  const text = value.text('a path');
  const name = text.startsWith(DEVICES) ? text.slice(DEVICES.length) : '';
  if (/^[^./\0][^/\0]*$/.test(name)) return text;
  throw value.fail(
    `"${text}" is no device`,
    'Give /dev/NAME, of a device or a directory of such; NAME may be a pattern: /dev/nvidia*.',
  );
}

function readIds(section: Section): Environments['ids'] | undefined {
  const ids = section.get('ids')?.section('a map with first and count', ['first', 'count']);
  if (!ids) return undefined;
  const first = ids
    .require('first', 'Give the first of ids that nobody has.')
    .integer(ENVIRONMENT_IDS, ID_MAX);
  const count = ids.require('count', 'Give how many there are.');
  return { first, count: count.integer(ENVIRONMENT_IDS, ID_MAX - first) };
}
