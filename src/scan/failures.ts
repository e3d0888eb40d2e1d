/** What a scan can end with besides a layer: each names the path, relative to the layer, and says what to do. */
import type { ByteString } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';

const shown = (path: ByteString): ByteString | string => (path === '' ? '/' : path);

export function layerChanged(path: ByteString, cause?: unknown): TeesError {
  return new TeesError('LAYER_CHANGED', 'a file of the upper layer changed after the job was submitted', {
    path: shown(path),
    hint: 'The job never sees a mixture: submit again when nothing writes to the layer.',
    ...(cause === undefined ? {} : { cause }),
  });
}

export function layerBusy(path: ByteString): TeesError {
  return new TeesError('LAYER_CHANGED', 'a file of the upper layer kept changing while it was read', {
    path: shown(path),
    hint: 'Submit again when nothing writes to the layer.',
  });
}

export function layerUnreadable(path: ByteString, cause: unknown): TeesError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TeesError('LAYER_UNREADABLE', `the upper layer cannot be read: ${why}`, {
    path: shown(path),
    cause,
    hint: 'The scan must be able to read every file of the layer: check permissions and the disk.',
  });
}

export function layerUnsupported(path: ByteString, what: string, hint: string): TeesError {
  return new TeesError('LAYER_UNSUPPORTED', `the upper layer holds ${what}`, { path: shown(path), hint });
}

export function deviceNode(path: ByteString): TeesError {
  return new TeesError('LAYER_DEVICE_NODE', 'the upper layer holds a device node', {
    path: shown(path),
    hint: "Remove it: environments have the node's own /dev, and devices do not travel.",
  });
}

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** What the kernel says when a name is not, or no longer, what it was a moment ago. */
const MOVED_ERRNOS: ReadonlySet<string | undefined> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'ENXIO',
  'ESTALE',
]);

export function hasMoved(error: unknown): boolean {
  const notALink = errnoOf(error) === 'EINVAL' && (error as NodeJS.ErrnoException).syscall === 'readlink';
  return notALink || MOVED_ERRNOS.has(errnoOf(error));
}
