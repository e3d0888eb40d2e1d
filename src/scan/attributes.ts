/**
 * A file's extended attributes, sorted out: those that travel, and the marks that overlayfs leaves for itself
 * in `trusted.overlay.*` or, mounted in a user namespace, `user.overlay.*`
 * (kernel: Documentation/filesystems/overlayfs.rst).
 */
import type { ByteString } from '../base/bytes.js';
import { fromBuffer } from '../base/bytes.js';
import { native } from '../base/native.js';
import type { Xattr } from '../image/manifest.js';
import { isKeptXattr } from '../image/rules.js';
import { errnoOf, layerUnsupported } from './failures.js';

export interface Attributes {
  readonly xattrs: readonly Xattr[];
  /** A directory that hides what lower layers hold below its name. */
  readonly opaque: boolean;
  /** A directory in which empty files with the `whiteout` mark are whiteouts. */
  readonly holdsMarkedWhiteouts: boolean;
  /** Has the `whiteout` mark. */
  readonly markedWhiteout: boolean;
}

const NONE: Attributes = { xattrs: [], opaque: false, holdsMarkedWhiteouts: false, markedWhiteout: false };
const OVERLAY_PREFIXES = ['trusted.overlay.', 'user.overlay.'];
const OFF_HINT =
  'Mount the environment with redirect_dir=off,metacopy=off, copy the file or directory in it, and submit again.';

/** @throws TeesError LAYER_UNSUPPORTED for what cannot be rebuilt without the layers below; system errors */
export function readAttributes(location: Buffer, path: ByteString, isDirectory: boolean): Attributes {
  const names = listNames(location);
  if (names.length === 0) return NONE;
  const xattrs: Xattr[] = [];
  const marks = new Map<string, string>();
  for (const nameBytes of names) {
    const name = fromBuffer(nameBytes);
    const prefix = OVERLAY_PREFIXES.find((candidate) => name.startsWith(candidate));
    if (prefix === undefined && !isKeptXattr(name)) continue;
    const value = readValue(location, nameBytes);
    if (value === undefined) continue;
    if (prefix === undefined) xattrs.push({ name, value });
    else marks.set(name.slice(prefix.length), value.toString('latin1'));
  }
  refuseReferences(marks, path, isDirectory);
  xattrs.sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    xattrs,
    opaque: isDirectory && marks.get('opaque') === 'y',
    holdsMarkedWhiteouts: isDirectory && marks.get('opaque') === 'x',
    markedWhiteout: marks.has('whiteout'),
  };
}

function refuseReferences(marks: ReadonlyMap<string, string>, path: ByteString, isDirectory: boolean): void {
  if (isDirectory && marks.has('redirect'))
    throw layerUnsupported(
      path,
      'a renamed directory that refers to a lower layer (overlay.redirect)',
      OFF_HINT,
    );
  if (!isDirectory && marks.has('metacopy'))
    throw layerUnsupported(path, 'a file without its data (overlay.metacopy)', OFF_HINT);
}

function listNames(location: Buffer): Buffer[] {
  try {
    return native().listXattrs(location);
  } catch (error) {
    if (errnoOf(error) === 'EOPNOTSUPP') return [];
    throw error;
  }
}

/** Undefined when it was removed since it was listed. */
function readValue(location: Buffer, name: Buffer): Buffer | undefined {
  try {
    return native().getXattr(location, name);
  } catch (error) {
    if (errnoOf(error) === 'ENODATA') return undefined;
    throw error;
  }
}
