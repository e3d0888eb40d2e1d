/**
 * Where glibc's dynamic loader looks for one library (glibc 2.36, elf/dl-load.c, _dl_map_object): the candidates
 * in order. Pure; what exists is asked elsewhere.
 */
import type { ByteString } from '../base/bytes.js';
import type { LdSoCache } from './ld-so-cache.js';
import type { LoaderProfile } from './loader-profile.js';

/** What the search takes from an object that is already loaded. */
export interface Loader {
  /** Directory of the object, as `$ORIGIN` gives it. */
  readonly origin: ByteString;
  readonly rpath?: ByteString | undefined;
  readonly runpath?: ByteString | undefined;
  readonly noDefaultLibraries: boolean;
  /** Who caused it to be loaded; undefined for the program. */
  readonly loader: Loader | undefined;
}

export interface SearchContext {
  readonly profile: LoaderProfile;
  readonly libraryPath: ByteString | undefined;
  readonly cwd: ByteString;
  /** The program: relative tokens of LD_LIBRARY_PATH are its own. */
  readonly main: Loader;
  /** Whether there is such a directory: the loader asks once, and passes over those that there are not. */
  readonly isDirectory: (path: ByteString) => boolean;
  /** Reads the cache at the first use, as the loader does. */
  readonly cache: () => LdSoCache | undefined;
}

/** Paths to try, in order. Lazy: the cache is not consulted when an earlier directory has the library. */
export function* candidates(
  context: SearchContext,
  loader: Loader,
  name: ByteString,
): Generator<ByteString, void, undefined> {
  if (name.includes('/')) {
    const path = expandTokens(context, loader, name);
    if (path !== undefined) yield absolute(context, path);
    return;
  }
  if (loader.runpath === undefined) yield* fromRpathChain(context, loader, name);
  if (context.libraryPath)
    yield* fromDirectories(context, searchPath(context, context.main, context.libraryPath, /[:;]/), name);
  // Unlike DT_RPATH, it serves the object's own needs only (System V gABI, "Shared Object Dependencies").
  if (loader.runpath) yield* fromDirectories(context, searchPath(context, loader, loader.runpath, /:/), name);
  const cached = lookUpCache(context, name);
  if (cached !== undefined && !(loader.noDefaultLibraries && isSystemPath(context, cached))) yield cached;
  if (!loader.noDefaultLibraries) yield* fromDirectories(context, context.profile.systemDirectories, name);
}

/** DT_RPATH of the object, of who loaded it, and so on; an object with DT_RUNPATH has none. */
function* fromRpathChain(context: SearchContext, loader: Loader, name: ByteString): Generator<ByteString> {
  for (let it: Loader | undefined = loader; it; it = it.loader) {
    if (it.rpath && it.runpath === undefined)
      yield* fromDirectories(context, searchPath(context, it, it.rpath, /:/), name);
  }
}

function* fromDirectories(
  context: SearchContext,
  directories: readonly ByteString[],
  name: ByteString,
): Generator<ByteString> {
  for (const directory of directories)
    for (const subdirectory of context.profile.subdirectories) {
      const path = absolute(context, (directory + subdirectory) as ByteString);
      if (context.isDirectory(path)) yield (path + name) as ByteString;
    }
}

/** The directories of a path list, each with a trailing slash; an empty element is the working directory. */
function searchPath(
  context: SearchContext,
  object: Loader,
  list: ByteString,
  separator: RegExp,
): ByteString[] {
  const directories = new Set<ByteString>();
  for (const element of list.split(separator) as ByteString[]) {
    const path = element === '' ? element : expandTokens(context, object, element);
    if (path === undefined || (path === '' && element !== '')) continue;
    directories.add((path === '' ? '' : path.replace(/\/+$/, '') + '/') as ByteString);
  }
  return [...directories];
}

const TOKEN = /\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))/g;

/** @returns undefined when it holds a token without a value */
function expandTokens(context: SearchContext, object: Loader, text: ByteString): ByteString | undefined {
  const { lib, platform } = context.profile;
  const values = new Map([
    ['ORIGIN', object.origin],
    ['LIB', lib],
    ['PLATFORM', platform],
  ]);
  let usable = true;
  const expanded = text.replace(TOKEN, (_token, braced?: string, bare?: string) => {
    const value = values.get(braced ?? bare ?? '') ?? '';
    usable &&= value !== '';
    return value;
  });
  return usable ? (expanded as ByteString) : undefined;
}

function absolute(context: SearchContext, path: ByteString): ByteString {
  return path.startsWith('/') ? path : (`${context.cwd}/${path}` as ByteString);
}

function isSystemPath(context: SearchContext, path: ByteString): boolean {
  return context.profile.systemDirectories.some((directory) => path.startsWith(directory));
}

/** search_cache of dl-cache.c: the best glibc-hwcaps entry, else the first plain one. */
function lookUpCache(context: SearchContext, name: ByteString): ByteString | undefined {
  const { profile } = context;
  let best: { path: ByteString; priority: number } | undefined;
  for (const entry of context.cache()?.lookUp(name) ?? []) {
    if (profile.cacheFlags && !profile.cacheFlags.includes(entry.flags)) continue;
    if (entry.hwcap === undefined) {
      if (best) break;
      if (entry.legacyHwcap) continue;
      return entry.path;
    }
    const priority = profile.hwcaps.indexOf(entry.hwcap);
    if (priority < 0 || entry.isaLevel > profile.isaLevel) continue;
    if (!best || priority < best.priority) best = { path: entry.path, priority };
  }
  return best?.path;
}
