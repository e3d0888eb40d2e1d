/**
 * What stands beside files that were waited for. A program opens files of a package together; those of them that
 * had just arrived did not wait, and so were not told. In the next run, when the order is another, they would.
 * Guesses are small: a directory with many bytes of them is a data set, not a package.
 */
import { posix } from 'node:path';
import type { ByteString } from '../base/bytes.js';
import {
  LEARNT_FAR_MAX_BYTES,
  LEARNT_FAR_TOTAL_MAX_BYTES,
  LEARNT_NEAR_DIRECTORY_MAX_BYTES,
  LEARNT_NEAR_MAX_BYTES,
} from '../base/limits.js';
import { dataSize } from '../image/manifest.js';
import type { LayerFile, LayerIndex } from './layer-index.js';

export interface Neighbours {
  /** In the same directory, of the same kind. */
  readonly near: readonly LayerFile[];
  /** Of the same kind, in the directory above, and up to two levels below that. */
  readonly far: readonly LayerFile[];
}

/** Names in a place, its kind among them: /usr/lib/python3/x has neighbours farther off, /usr/lib/x has not. */
const FAR_LEAST_NAMES = 4;

/** Of these files; each content once, none that is in `taken`; in the order of paths. */
export function neighbours(
  index: LayerIndex,
  files: readonly LayerFile[],
  taken: ReadonlySet<number>,
): Neighbours {
  const here = new Set<string>();
  const around = new Set<string>();
  for (const { path } of files) {
    const kind = kindOf(path);
    if (kind === undefined) continue;
    const place = `${kind}/${posix.dirname(path)}`;
    here.add(place);
    // Not /usr or /usr/lib: everything is next to everything there.
    if (place.split('/').length > FAR_LEAST_NAMES) around.add(posix.dirname(place));
  }
  const seen = new Set(taken);
  const near = new Map<string, LayerFile[]>();
  const far: LayerFile[] = [];
  for (const { path, type } of here.size > 0 ? index.manifest.entries : []) {
    const kind = type === 'file' ? kindOf(path) : undefined;
    if (kind === undefined) continue;
    const place = `${kind}/${posix.dirname(path)}`;
    const above = posix.dirname(place);
    const isNear = here.has(place);
    if (!isNear && ![place, above, posix.dirname(above)].some((it) => around.has(it))) continue;
    const file = index.file(path);
    if (file?.content === undefined || seen.has(file.content)) continue;
    if (bytesOf(index, file) > (isNear ? LEARNT_NEAR_MAX_BYTES : LEARNT_FAR_MAX_BYTES)) continue;
    seen.add(file.content);
    if (!isNear) far.push(file);
    else if (!near.get(place)?.push(file)) near.set(place, [file]);
  }
  const packages = [...near.values()].filter((group) => sum(index, group) <= LEARNT_NEAR_DIRECTORY_MAX_BYTES);
  return { near: packages.flat(), far: sum(index, far) <= LEARNT_FAR_TOTAL_MAX_BYTES ? far : [] };
}

/** By the end of its name; undefined when that says nothing. */
function kindOf(path: ByteString): string | undefined {
  return /[^/]\.([A-Za-z][A-Za-z0-9_]{0,15})$/.exec(path)?.[1];
}

function bytesOf(index: LayerIndex, { content }: LayerFile): number {
  const found = content === undefined ? undefined : index.manifest.contents[content];
  return found ? dataSize(found) : 0;
}

function sum(index: LayerIndex, files: readonly LayerFile[]): number {
  return files.reduce((bytes, file) => bytes + bytesOf(index, file), 0);
}
