/**
 * The environment's root as a job will see it: the upper layer over the node's `/`, without mounting anything.
 * Overlayfs' rules (Documentation/filesystems/overlayfs.rst): a name of the layer hides the node's, directories
 * merge unless opaque, whiteouts remove. Symbolic links resolve inside this root; `..` never leaves it.
 */
import { constants, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { ByteString } from '../base/bytes.js';
import { fromBuffer, toBuffer } from '../base/bytes.js';
import { PATH_MAX_BYTES, SYMLINK_HOPS_MAX } from '../base/limits.js';
import type { ByteReader } from '../elf/byte-reader.js';
import type { FileFound, FileLookup } from '../elf/closure.js';
import type { LayerFile, LayerIndex } from './layer-index.js';
import { regularFileReader } from './read-regular.js';

export interface FileInView extends FileFound {
  readonly kind: 'file';
  readonly mode: number;
  /** Present when the layer has it; otherwise it is the node's. */
  readonly layer?: LayerFile;
}

export interface DirectoryInView {
  readonly kind: 'directory';
  /** Absolute, without symbolic links. */
  readonly path: ByteString;
}

export interface NotThere {
  readonly kind: 'absent';
  readonly errno: 'ENOENT' | 'ENOTDIR' | 'ELOOP' | 'ENAMETOOLONG' | 'EACCES';
}

/** A fifo, socket or device. */
export interface OtherInView {
  readonly kind: 'other';
  readonly path: ByteString;
}

export type Resolved = FileInView | DirectoryInView | OtherInView | NotThere;

/** One name, not followed. Paths here are relative to the root: '' is the root itself. */
type Node =
  | FileInView
  | OtherInView
  | NotThere
  | { kind: 'directory'; path: ByteString; lowerVisible: boolean }
  | { kind: 'symlink'; target: ByteString };

export class EnvironmentView implements FileLookup {
  readonly #nodes = new Map<ByteString, Node>();
  readonly #resolved = new Map<ByteString, Resolved>();

  /**
   * @param upper the layer's directory, absolute and without symbolic links (realpath)
   * @param root the node's root, likewise
   */
  constructor(
    readonly layer: LayerIndex,
    private readonly upper: ByteString,
    private readonly root: ByteString,
  ) {}

  /** @param path absolute inside the environment */
  resolve(path: ByteString): Resolved {
    let resolved = this.#resolved.get(path);
    if (!resolved) {
      resolved = this.#walk(path);
      this.#resolved.set(path, resolved);
    }
    return resolved;
  }

  find(path: ByteString): FileInView | undefined {
    const resolved = this.resolve(path);
    return resolved.kind === 'file' ? resolved : undefined;
  }

  isDirectory(path: ByteString): boolean {
    return this.resolve(path).kind === 'directory';
  }

  /** Names in a directory, layer and node merged, in byte order; none when it is no directory. */
  list(path: ByteString): ByteString[] {
    const resolved = this.resolve(path);
    if (resolved.kind !== 'directory') return [];
    const directory = resolved.path.slice(1) as ByteString;
    const names = new Set<ByteString>();
    const node = this.#node(directory);
    if (node.kind === 'directory' && node.lowerVisible)
      for (const name of lowerNames(below(this.root, directory))) names.add(name);
    for (const entry of this.layer.below(directory)) {
      const name = entry.path.slice(directory === '' ? 0 : directory.length + 1) as ByteString;
      if (!name.includes('/')) names.add(name);
    }
    return [...names].filter((name) => this.#node(join(directory, name)).kind !== 'absent').sort();
  }

  #walk(path: ByteString): Resolved {
    if (path.length >= PATH_MAX_BYTES) return { kind: 'absent', errno: 'ENAMETOOLONG' };
    let rest = components(path);
    let here = '' as ByteString;
    for (let hops = 0; rest.length > 0;) {
      const [name, ...after] = rest as [ByteString, ...ByteString[]];
      const directory = this.#node(here);
      if (directory.kind === 'absent') return directory;
      if (directory.kind !== 'directory') return { kind: 'absent', errno: 'ENOTDIR' };
      rest = after;
      if (name === '.') continue;
      if (name === '..') {
        here = parentOf(here);
        continue;
      }
      const node = this.#node(join(here, name));
      if (node.kind !== 'symlink') {
        here = join(here, name);
        continue;
      }
      if (++hops > SYMLINK_HOPS_MAX) return { kind: 'absent', errno: 'ELOOP' };
      if (node.target.startsWith('/')) here = '' as ByteString;
      rest = [...components(node.target), ...rest];
      if (rest.length > PATH_MAX_BYTES) return { kind: 'absent', errno: 'ENAMETOOLONG' };
    }
    const node = this.#node(here);
    if (node.kind === 'directory') return { kind: 'directory', path: node.path };
    return node.kind === 'symlink' ? { kind: 'absent', errno: 'ELOOP' } : node;
  }

  /** @param path relative, its parent a directory without symbolic links on the way */
  #node(path: ByteString): Node {
    let node = this.#nodes.get(path);
    if (!node) {
      node = this.#look(path);
      this.#nodes.set(path, node);
    }
    return node;
  }

  #look(path: ByteString): Node {
    const parent = path === '' ? undefined : this.#node(parentOf(path));
    const lowerVisible = parent === undefined || (parent.kind === 'directory' && parent.lowerVisible);
    const entry = this.layer.entry(path);
    const inside = `/${path}` as ByteString;
    switch (entry?.type) {
      case undefined:
        return lowerVisible ? this.#lookLower(path) : { kind: 'absent', errno: 'ENOENT' };
      case 'whiteout':
        return { kind: 'absent', errno: 'ENOENT' };
      case 'symlink':
        return { kind: 'symlink', target: entry.target ?? ('' as ByteString) };
      case 'directory': {
        const merges = lowerVisible && !entry.opaque && this.#lookLower(path).kind === 'directory';
        return { kind: 'directory', path: inside, lowerVisible: merges };
      }
      case 'file':
        return this.#layerFile(path, inside);
      default:
        return { kind: 'other', path: inside };
    }
  }

  #layerFile(path: ByteString, inside: ByteString): FileInView {
    const layer = this.layer.file(path) as LayerFile;
    const reader = regularFileReader(below(this.upper, path));
    return { kind: 'file', path: inside, identity: `layer:${layer.inode}`, reader, mode: layer.mode, layer };
  }

  #lookLower(path: ByteString): Node {
    const inside = `/${path}` as ByteString;
    const full = below(this.root, path);
    try {
      const stat = lstatSync(toBuffer(full));
      if (stat.isSymbolicLink()) {
        const target = fromBuffer(readlinkSync(toBuffer(full), { encoding: 'buffer' }));
        return { kind: 'symlink', target };
      }
      if (stat.isDirectory()) return { kind: 'directory', path: inside, lowerVisible: true };
      if (!stat.isFile()) return { kind: 'other', path: inside };
      return { kind: 'file', path: inside, ...nodeFile(stat, regularFileReader(full)) };
    } catch (error) {
      return { kind: 'absent', errno: absence(error) };
    }
  }
}

function nodeFile(stat: Stats, reader: ByteReader): Pick<FileInView, 'identity' | 'mode' | 'reader'> {
  return { identity: `node:${stat.dev}:${stat.ino}`, mode: stat.mode & ~constants.S_IFMT, reader };
}

function absence(error: unknown): NotThere['errno'] {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG' || code === 'EACCES'
    ? code
    : 'ENOENT';
}

function lowerNames(path: ByteString): ByteString[] {
  try {
    return readdirSync(toBuffer(path), { encoding: 'buffer' }).map(fromBuffer);
  } catch {
    return [];
  }
}

/** With a trailing slash the last component must be a directory, as for the kernel. */
function components(path: ByteString): ByteString[] {
  const names = path.split('/').filter((name) => name !== '');
  return (path.endsWith('/') && names.length > 0 ? [...names, '.'] : names) as ByteString[];
}

function join(directory: ByteString, name: ByteString): ByteString {
  return (directory === '' ? name : `${directory}/${name}`) as ByteString;
}

function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) as ByteString;
}

/** A path on this machine: of a relative path below a root, which may be / itself. */
function below(root: ByteString, path: ByteString): ByteString {
  return (path === '' ? root : `${root === '/' ? '' : root}/${path}`) as ByteString;
}
