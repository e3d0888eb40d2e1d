/**
 * Every file that glibc's dynamic loader opens before a program's own code runs, found without running anything
 * (paper, section 3.4.1). The same walk as the loader's (glibc 2.36, elf/rtld.c, elf/dl-deps.c): the program, then
 * LD_PRELOAD and /etc/ld.so.preload, then what each object needs, breadth first.
 */
import type { ByteString } from '../base/bytes.js';
import { fromBuffer, fromText } from '../base/bytes.js';
import {
  LIBRARY_LOOKUPS_MAX,
  LOADED_OBJECTS_MAX,
  LOADER_CACHE_MAX_BYTES,
  LOADER_CONFIGURATION_MAX_BYTES,
  LOADER_FILE_MAX_BYTES,
} from '../base/limits.js';
import type { ByteReader } from './byte-reader.js';
import { readAll } from './byte-reader.js';
import type { ElfFile, ElfResult } from './elf-file.js';
import { parseElf } from './elf-file.js';
import type { LdSoCache } from './ld-so-cache.js';
import { parseLdSoCache } from './ld-so-cache.js';
import type { Loader, SearchContext } from './library-search.js';
import { candidates } from './library-search.js';
import type { Processor } from './loader-profile.js';
import { loaderProfile, processorsFor } from './loader-profile.js';

export interface FileFound {
  /** Absolute inside the environment, without symbolic links. */
  readonly path: ByteString;
  /** Equal for names of the same inode: the loader loads an inode once. */
  readonly identity: string;
  readonly reader: ByteReader;
}

/** Files inside the environment. */
export interface FileLookup {
  /** Follows symbolic links; undefined when an open for reading would not give a regular file. */
  find(path: ByteString): FileFound | undefined;
  isDirectory(path: ByteString): boolean;
}

export interface LoaderEnvironment {
  /** LD_LIBRARY_PATH */
  readonly libraryPath?: ByteString | undefined;
  /** LD_PRELOAD */
  readonly preload?: ByteString | undefined;
  readonly cwd: ByteString;
}

export interface OpenedFile {
  readonly file: FileFound;
  readonly reason: 'interpreter' | 'library' | 'loader-configuration';
  readonly neededBy: ByteString;
  /** The name it was asked for by. */
  readonly name: ByteString;
  /** False for a file that the loader opens only to refuse it: of another machine, or not ELF. */
  readonly accepted: boolean;
}

export interface MissingLibrary {
  readonly name: ByteString;
  readonly neededBy: ByteString;
  /** A file of that name that the loader finds and cannot use. */
  readonly refused?: ByteString;
}

export interface Closure {
  /** In the order in which they are first opened; the program itself is not among them. */
  readonly opened: readonly OpenedFile[];
  readonly missing: readonly MissingLibrary[];
}

export const LD_SO_CACHE = fromText('/etc/ld.so.cache');
export const LD_SO_PRELOAD = fromText('/etc/ld.so.preload');

/** @param processors that the program may run on: the answer is what any of them makes the loader open */
export function dependencyClosure(
  lookup: FileLookup,
  program: FileFound,
  elf: ElfFile,
  environment: LoaderEnvironment,
  processors: readonly Processor[] = processorsFor(elf.machine),
): Closure {
  if (elf.interpreter === undefined) return { opened: [], missing: [] };
  const interpreter = elf.interpreter;
  const shared: Shared = { parsed: new Map(), lookups: 0 };
  const walks = processors.map((processor) =>
    new Walk(lookup, program, elf, environment, shared).run(interpreter, processor),
  );
  const opened = new Map<string, OpenedFile>();
  for (const file of walks.flatMap((walk) => walk.opened))
    if (!opened.has(file.file.identity)) opened.set(file.file.identity, file);
  // What some processor finds may well be found: only what none finds is reported.
  const [first, ...others] = walks.map((walk) => walk.missing);
  const missing = (first ?? []).filter(({ name }) =>
    others.every((names) => names.some((it) => it.name === name)),
  );
  return { opened: [...opened.values()], missing };
}

interface LoadedObject extends Loader {
  readonly file: FileFound;
  readonly elf: ElfFile;
  /** Every name it has been found by; its DT_SONAME counts as well. */
  readonly names: Set<ByteString>;
}

/** Between the walks for different processors. */
interface Shared {
  readonly parsed: Map<string, ElfResult>;
  lookups: number;
}

class Walk {
  readonly #opened: OpenedFile[] = [];
  readonly #seen = new Set<string>();
  readonly #missing = new Map<string, MissingLibrary>();
  /** In order of loading: also the breadth-first queue. */
  readonly #loaded: LoadedObject[] = [];
  readonly #main: LoadedObject;
  #cache: { parsed: LdSoCache | undefined } | undefined;

  constructor(
    private readonly lookup: FileLookup,
    private readonly program: FileFound,
    private readonly elf: ElfFile,
    private readonly environment: LoaderEnvironment,
    private readonly shared: Shared,
  ) {
    this.#main = this.#load(program, program.path, elf, undefined);
  }

  run(interpreter: ByteString, processor: Processor): Closure {
    const dynamicLoader = this.#openInterpreter(interpreter);
    const context: SearchContext = {
      profile: loaderProfile(
        this.elf,
        (dynamicLoader && readAll(dynamicLoader.reader, LOADER_FILE_MAX_BYTES)) ?? Buffer.alloc(0),
        processor,
      ),
      libraryPath: this.environment.libraryPath,
      cwd: this.environment.cwd,
      main: this.#main,
      isDirectory: (path) => this.lookup.isDirectory(path),
      cache: () => this.#readCache(),
    };
    // The dynamic loader is an object, too: it answers to its soname, and needs nothing.
    if (dynamicLoader) this.#loadInterpreter(dynamicLoader, interpreter);
    for (const { name, neededBy } of this.#preloads()) this.#require(context, this.#main, name, neededBy);
    for (let i = 0; i < this.#loaded.length && i < LOADED_OBJECTS_MAX; i++) {
      const object = this.#loaded[i] as LoadedObject;
      for (const { name, optional } of object.elf.needed)
        this.#require(context, object, name, object.file.path, optional);
    }
    return { opened: this.#opened, missing: [...this.#missing.values()] };
  }

  #openInterpreter(interpreter: ByteString): FileFound | undefined {
    const path = interpreter.startsWith('/') ? interpreter : `${this.environment.cwd}/${interpreter}`;
    const file = this.lookup.find(path as ByteString);
    if (file) this.#record(file, 'interpreter', this.program.path, interpreter, true);
    else this.#miss({ name: interpreter, neededBy: this.program.path });
    return file;
  }

  #loadInterpreter(file: FileFound, name: ByteString): void {
    const elf = this.#parse(file);
    if (elf.kind === 'elf') this.#load(file, name, { ...elf, needed: [] }, undefined);
  }

  #preloads(): { name: ByteString; neededBy: ByteString }[] {
    const words = (text: ByteString, separators: RegExp, neededBy: ByteString) =>
      (text.split(separators) as ByteString[])
        .filter((name) => name !== '')
        .map((name) => ({ name, neededBy }));
    const file = this.lookup.find(LD_SO_PRELOAD);
    if (file) this.#record(file, 'loader-configuration', this.program.path, LD_SO_PRELOAD, true);
    const bytes = file && readAll(file.reader, LOADER_CONFIGURATION_MAX_BYTES);
    const text = withoutComments(bytes ?? Buffer.alloc(0));
    return [
      ...words(this.environment.preload ?? ('' as ByteString), /[ :]/, fromText('LD_PRELOAD')),
      ...words(text, /[ \t\n:]/, LD_SO_PRELOAD),
    ];
  }

  #readCache(): LdSoCache | undefined {
    if (!this.#cache) {
      const file = this.lookup.find(LD_SO_CACHE);
      if (file) this.#record(file, 'loader-configuration', this.program.path, LD_SO_CACHE, true);
      const bytes = file && readAll(file.reader, LOADER_CACHE_MAX_BYTES);
      this.#cache = { parsed: bytes && parseLdSoCache(bytes) };
    }
    return this.#cache.parsed;
  }

  #require(
    context: SearchContext,
    loader: LoadedObject,
    name: ByteString,
    neededBy: ByteString,
    optional = false,
  ): void {
    const known = this.#loaded.find((it) => it.names.has(name) || it.elf.soname === name);
    if (known) return void known.names.add(name);
    let refused: ByteString | undefined;
    for (const path of candidates(context, loader, name)) {
      // No real program comes near it; a hostile one shall not search for hours.
      if (++this.shared.lookups > LIBRARY_LOOKUPS_MAX) break;
      const file = this.lookup.find(path);
      if (!file) continue;
      const elf = this.#parse(file);
      const accepted = elf.kind === 'elf' && isLoadable(elf, this.elf);
      this.#record(file, 'library', neededBy, name, accepted);
      if (accepted) return void this.#loadOnce(file, path, elf, loader, name);
      // Another class or machine: the search goes on. Not ELF at all: the loader gives up here.
      refused ??= file.path;
      if (elf.kind !== 'elf') break;
    }
    if (!optional) this.#miss({ name, neededBy, ...(refused === undefined ? {} : { refused }) });
  }

  #loadOnce(file: FileFound, path: ByteString, elf: ElfFile, loader: LoadedObject, name: ByteString): void {
    const same = this.#loaded.find((it) => it.file.identity === file.identity);
    (same ?? this.#load(file, path, elf, loader)).names.add(name);
  }

  #load(file: FileFound, path: ByteString, elf: ElfFile, loader: Loader | undefined): LoadedObject {
    const object: LoadedObject = {
      file,
      elf,
      names: new Set([path]),
      origin: (path.slice(0, path.lastIndexOf('/')) || '/') as ByteString,
      rpath: elf.rpath,
      runpath: elf.runpath,
      noDefaultLibraries: elf.noDefaultLibraries,
      loader,
    };
    this.#loaded.push(object);
    return object;
  }

  #parse(file: FileFound): ElfResult {
    const known = this.shared.parsed.get(file.identity) ?? parseElf(file.reader);
    this.shared.parsed.set(file.identity, known);
    return known;
  }

  #record(
    file: FileFound,
    reason: OpenedFile['reason'],
    neededBy: ByteString,
    name: ByteString,
    accepted: boolean,
  ): void {
    if (this.#seen.has(file.identity)) return;
    this.#seen.add(file.identity);
    this.#opened.push({ file, reason, neededBy, name, accepted });
  }

  #miss(missing: MissingLibrary): void {
    if (!this.#missing.has(missing.name)) this.#missing.set(missing.name, missing);
  }
}

function isLoadable(library: ElfFile, program: ElfFile): boolean {
  return (
    library.class === program.class &&
    library.littleEndian === program.littleEndian &&
    library.machine === program.machine &&
    library.type !== 'other'
  );
}

/**
 * Comments of /etc/ld.so.preload, as glibc removes them: after the first one it searches the start of the file
 * again, and only as many bytes as are left, so that it may take a later comment for names.
 */
function withoutComments(file: Buffer): ByteString {
  const bytes = Buffer.from(file);
  for (let rest = bytes.length; rest > 0;) {
    let comment = bytes.indexOf('#');
    if (comment < 0 || comment >= rest) break;
    rest -= comment;
    do bytes[comment] = 0x20;
    while (--rest > 0 && bytes[++comment] !== 0x0a);
  }
  return fromBuffer(bytes);
}
