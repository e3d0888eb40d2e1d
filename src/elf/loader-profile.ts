/**
 * What one dynamic loader on one kind of processor does differently from another: built-in directories,
 * `$LIB` and `$PLATFORM`, processor-specific subdirectories and the flags of the cache entries that it accepts.
 * Directories and age are read off the loader's own file: distributions compile different ones in.
 */
import type { ByteString } from '../base/bytes.js';
import { fromBuffer } from '../base/bytes.js';
import type { ElfFile } from './elf-file.js';

/** What the loader learns from the processor. */
export interface Processor {
  /** glibc-hwcaps subdirectories that it searches, the best first. */
  readonly hwcaps: readonly string[];
  /** x86: 0 for the baseline to 3 for x86-64-v4. */
  readonly isaLevel: number;
  /** AT_PLATFORM, or the loader's own name for it. */
  readonly platform: string;
  /** Legacy hwcap subdirectories, by bit, the lowest first (up to glibc 2.36). */
  readonly legacyHwcaps: readonly string[];
}

export interface LoaderProfile {
  /** Searched last: with a trailing slash. */
  readonly systemDirectories: readonly ByteString[];
  readonly lib: ByteString;
  readonly platform: ByteString;
  /** Below every searched directory, in order, with a trailing slash; the last is '' for the directory itself. */
  readonly subdirectories: readonly ByteString[];
  readonly hwcaps: readonly ByteString[];
  readonly isaLevel: number;
  /** undefined: unknown architecture, any entry may do. */
  readonly cacheFlags: readonly number[] | undefined;
}

const EM_386 = 3;
const EM_PPC64 = 21;
const EM_S390 = 22;
const EM_ARM = 40;
const EM_X86_64 = 62;
const EM_AARCH64 = 183;
const EM_RISCV = 243;

const X86_64_LEVELS = ['x86-64-v4', 'x86-64-v3', 'x86-64-v2'];

function x86(isaLevel: number, platform: string, legacyHwcaps: readonly string[]): Processor {
  return { hwcaps: X86_64_LEVELS.slice(3 - isaLevel), isaLevel, platform, legacyHwcaps };
}

/**
 * The processors that a program may meet. Where it will run is not known when it is analysed, so that callers
 * take what any of them would load.
 */
export function processorsFor(machine: number): readonly Processor[] {
  const plain = (platform: string, ...hwcaps: string[]): Processor => {
    return { hwcaps, isaLevel: 0, platform, legacyHwcaps: [] };
  };
  switch (machine) {
    case EM_X86_64:
      return [
        x86(3, 'x86_64', ['x86_64']),
        x86(2, 'x86_64', ['x86_64']),
        x86(1, 'x86_64', ['x86_64']),
        x86(0, 'x86_64', ['x86_64']),
        // Intel's (sysdeps/x86/cpu-features.c).
        x86(3, 'haswell', ['x86_64', 'avx512_1']),
        x86(2, 'haswell', ['x86_64']),
      ];
    case EM_PPC64:
      return [plain('power10', 'power10', 'power9'), plain('power9', 'power9'), plain('power8')];
    case EM_S390:
      return [plain('z16', 'z16', 'z15', 'z14', 'z13'), plain('z14', 'z14', 'z13'), plain('z10')];
    case EM_386:
      return [plain('i686'), plain('i586')];
    case EM_AARCH64:
      return [plain('aarch64')];
    default:
      return [plain('')];
  }
}

/** Of entries in /etc/ld.so.cache: FLAG_ELF_LIBC6 with the architecture's mark (dl-cache.h of each). */
function cacheFlags(program: ElfFile): readonly number[] | undefined {
  const wide = program.class === 64;
  switch (program.machine) {
    case EM_X86_64:
      return [wide ? 0x303 : 0x803];
    case EM_386:
      return [0x1, 0x3];
    case EM_AARCH64:
      return [0xa03];
    case EM_ARM:
      return [0x903, 0xb03, 0x3];
    case EM_PPC64:
      return [0x503];
    case EM_S390:
      return [wide ? 0x403 : 0x3];
    case EM_RISCV:
      return [0xf03, 0x1003];
    default:
      return undefined;
  }
}

/** @param loader the file of PT_INTERP; empty when it cannot be read */
export function loaderProfile(program: ElfFile, loader: Buffer, processor: Processor): LoaderProfile {
  const systemDirectories = compiledInDirectories(loader) ?? defaultDirectories(program);
  const first = (systemDirectories[0] as string).replace(/^\/|\/$/g, '');
  const knowsHwcaps = loader.length === 0 || loader.includes('glibc-hwcaps');
  // glibc 2.37 dropped the legacy subdirectories, and with them this heading of --help.
  const legacy = !knowsHwcaps || loader.includes('Legacy HWCAP subdirectories');
  const hwcaps = knowsHwcaps ? processor.hwcaps : [];
  return {
    systemDirectories,
    lib: (first.startsWith('lib') ? first : 'lib') as ByteString,
    platform: processor.platform as ByteString,
    subdirectories: [
      ...hwcaps.map((name) => `glibc-hwcaps/${name}/` as ByteString),
      ...(legacy ? legacySubdirectories(processor) : []),
      '' as ByteString,
    ],
    hwcaps: hwcaps as ByteString[],
    isaLevel: processor.isaLevel,
    cacheFlags: cacheFlags(program),
  };
}

/** `system_dirs` of the loader: NUL-terminated directories one after the other, with `/usr/…` among them. */
function compiledInDirectories(loader: Buffer): ByteString[] | undefined {
  const usr = loader.indexOf('/\0/usr/lib');
  if (usr < 0) return undefined;
  const isDirectory = (piece: Buffer): boolean => piece[0] === 0x2f && piece[piece.length - 1] === 0x2f;
  let start = usr + 1;
  for (let end = usr + 1; end > 0;) {
    const begin = loader.lastIndexOf(0, end - 1) + 1;
    if (begin === 0 || !isDirectory(loader.subarray(begin, end))) break;
    start = begin;
    end = begin - 1;
  }
  const directories: ByteString[] = [];
  for (let at = start; ;) {
    const end = loader.indexOf(0, at);
    if (end <= at || !isDirectory(loader.subarray(at, end))) break;
    directories.push(fromBuffer(loader.subarray(at, end)));
    at = end + 1;
  }
  return directories;
}

function defaultDirectories(program: ElfFile): ByteString[] {
  const multiarch = new Map([
    [EM_X86_64, 'x86_64-linux-gnu'],
    [EM_386, 'i386-linux-gnu'],
    [EM_AARCH64, 'aarch64-linux-gnu'],
    [EM_PPC64, 'powerpc64le-linux-gnu'],
    [EM_S390, 's390x-linux-gnu'],
    [EM_RISCV, 'riscv64-linux-gnu'],
  ]).get(program.machine);
  const wide = program.class === 64 ? ['lib64'] : [];
  const names = [...(multiarch === undefined ? [] : [`lib/${multiarch}`]), ...wide, 'lib'];
  return names.flatMap((name) => [`/${name}/`, `/usr/${name}/`] as ByteString[]);
}

/** All combinations of tls, platform and hwcaps, the richest first (_dl_important_hwcaps of glibc 2.36). */
function legacySubdirectories(processor: Processor): ByteString[] {
  const names = [...processor.legacyHwcaps, processor.platform, 'tls'].filter((name) => name !== '');
  const combinations: ByteString[] = [];
  for (let bits = 2 ** names.length - 1; bits > 0; bits--) {
    const chosen = names.filter((_, bit) => (bits >> bit) & 1).reverse();
    combinations.push(`${chosen.join('/')}/` as ByteString);
  }
  return [...new Set(combinations)];
}
