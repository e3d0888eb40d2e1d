/**
 * /etc/ld.so.conf, from which ldconfig makes the cache (ldconfig(8)). The loader itself never reads it; it tells
 * whether a library that the loader does not find would be found once ldconfig has run.
 */
import type { ByteString } from '../base/bytes.js';

export interface LdSoConfLookup {
  /** The file's content; undefined when it cannot be read. */
  readText(path: ByteString): ByteString | undefined;
  /** Paths that match an `include` pattern, sorted; a plain path gives itself. */
  expand(pattern: ByteString): readonly ByteString[];
}

export interface LdSoConf {
  /** In order, without repetition. */
  readonly directories: readonly ByteString[];
  /** The configuration files that were read, in order. */
  readonly files: readonly ByteString[];
}

const INCLUDE_DEPTH_MAX = 10;

export function readLdSoConf(lookup: LdSoConfLookup, path: ByteString): LdSoConf {
  const directories = new Set<ByteString>();
  const files = new Set<ByteString>();
  const readFile = (file: ByteString, depth: number): void => {
    if (depth > INCLUDE_DEPTH_MAX || files.has(file)) return;
    const text = lookup.readText(file);
    if (text === undefined) return;
    files.add(file);
    for (const line of text.split('\n')) {
      const words = (line.split('#')[0] as string).trim();
      const include = /^include\s+(.*)$/.exec(words);
      if (include) {
        for (const pattern of (include[1] as string).split(/\s+/))
          for (const included of lookup.expand(relativeTo(file, pattern))) readFile(included, depth + 1);
      } else if (words.startsWith('/')) {
        directories.add(directoryOf(words));
      }
    }
  };
  readFile(path, 0);
  return { directories: [...directories], files: [...files] };
}

/** An `include` that is not absolute is relative to the file that it stands in. */
function relativeTo(file: ByteString, pattern: string): ByteString {
  return (
    pattern.startsWith('/') ? pattern : file.slice(0, file.lastIndexOf('/') + 1) + pattern
  ) as ByteString;
}

/** Without the old `=TYPE` suffix and trailing slashes. */
function directoryOf(words: string): ByteString {
  const path = (words.split('=')[0] as string).trim().replace(/\/+$/, '');
  return (path === '' ? '/' : path) as ByteString;
}
