/** Where on each node a job puts what it carries, when it does not make an environment of it. */
import { posix } from 'node:path';
import { NAME_MAX_BYTES, PATH_MAX_BYTES } from '../base/limits.js';
import { TeesError } from '../base/errors.js';
import type { Fields } from './fields.js';

/** What is asked for. */
export interface PlacementRequest {
  /** The name that it gets: absolute, without '.', '..' and a slash at its end. */
  readonly destination: string;
  /** A directory takes the place of what is there already. */
  readonly force: boolean;
  /** It is on the node's disk before it appears. */
  readonly sync: boolean;
}

export interface PlacementSpec extends PlacementRequest {
  /** What is carried: it is the only one at the top of the manifest. */
  readonly isDirectory: boolean;
}

/** @returns why it cannot be where something is put; undefined where nothing is wrong with it as such */
export function whyNoDestination(path: string): string | undefined {
  if (!path.startsWith('/')) return 'it is not absolute';
  if (path.includes('\0')) return 'it holds a NUL';
  if (path === '/' || posix.normalize(path) !== path || path.endsWith('/'))
    return 'it is not a name in a directory';
  if (Buffer.byteLength(path) >= PATH_MAX_BYTES) return `it is longer than ${PATH_MAX_BYTES - 1} bytes`;
  if (Buffer.byteLength(posix.basename(path)) > NAME_MAX_BYTES)
    return `its name is longer than ${NAME_MAX_BYTES} bytes`;
  return undefined;
}

/** @throws TeesError MESSAGE_INVALID */
export function decodePlacement(fields: Fields): PlacementSpec {
  return { ...decodePlacementRequest(fields), isDirectory: fields.flag('isDirectory') };
}

/** @throws TeesError MESSAGE_INVALID */
export function decodePlacementRequest(fields: Fields): PlacementRequest {
  const destination = fields.text('destination', PATH_MAX_BYTES);
  const why = whyNoDestination(destination);
  if (why !== undefined)
    throw new TeesError('MESSAGE_INVALID', `a placement was refused: ${why}`, { path: destination });
  return {
    destination,
    force: fields.flag('force'),
    sync: fields.flag('sync'),
  };
}
