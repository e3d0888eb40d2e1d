/**
 * /etc/ld.so.cache as glibc's loader looks names up in it (glibc, elf/dl-cache.c, sysdeps/generic/dl-cache.h):
 * the new format, alone or behind the old one's table, with the glibc-hwcaps extension.
 */
import type { ByteString } from '../base/bytes.js';
import { fromBuffer, toBuffer } from '../base/bytes.js';
import { PATH_MAX_BYTES } from '../base/limits.js';

export interface LdSoCacheEntry {
  /** Where the library is: an absolute path. */
  readonly path: ByteString;
  /** Kind and architecture; the loader accepts only its own (`cacheFlags` of the loader profile). */
  readonly flags: number;
  /** The `glibc-hwcaps` subdirectory that it was found in. */
  readonly hwcap?: ByteString;
  /** x86: the ISA level that it was built for, 0 for the baseline; only with `hwcap`. */
  readonly isaLevel: number;
  /** It stands in a legacy subdirectory for particular processors (`tls` does not count). */
  readonly legacyHwcap: boolean;
}

/** Looked up in place: a hostile file can name the same long string in every entry. */
export interface LdSoCache {
  /** The entries of a library, in the cache's order, which is the loader's order of preference. */
  lookUp(name: ByteString): readonly LdSoCacheEntry[];
}

const OLD_MAGIC = 'ld.so-1.7.0';
const NEW_MAGIC = 'glibc-ld.so.cache1.1';
const OLD_HEADER_BYTES = 16;
const OLD_ENTRY_BYTES = 12;
const NEW_HEADER_BYTES = 48;
const NEW_ENTRY_BYTES = 24;
const EXTENSION_MAGIC = 0xeaa42174;
const EXTENSION_TAG_HWCAPS = 1;
const HWCAP_EXTENSION = 1 << 30; // bit 62, as seen in the upper half
const HWCAP_ISA_LEVEL_MASK = 0x3ff;
/** glibc itself knows fewer than ten for any architecture. */
const HWCAP_NAMES_MAX = 64;
const HWCAP_TLS = 0x8000_0000; // bit 63, as seen in the upper half

/** @returns undefined when it is no cache that the loader would use: it then searches directories only */
export function parseLdSoCache(bytes: Buffer): LdSoCache | undefined {
  const start = newFormatStart(bytes);
  if (start === undefined) return undefined;
  const cache = bytes.subarray(start);
  const littleEndian = byteOrder(cache);
  if (littleEndian === undefined) return undefined;
  const word = (at: number): number => (littleEndian ? cache.readUInt32LE(at) : cache.readUInt32BE(at));
  const count = word(20);
  if (NEW_HEADER_BYTES + count * NEW_ENTRY_BYTES > cache.length) return undefined;
  const hwcaps = readHwcapNames(cache, word);
  const entryAt = (at: number): LdSoCacheEntry | undefined => {
    const path = stringAt(cache, word(at + 8));
    const [low, high] = littleEndian ? [word(at + 16), word(at + 20)] : [word(at + 20), word(at + 16)];
    return path === undefined ? undefined : { path, flags: word(at), ...describeHwcap(low, high, hwcaps) };
  };
  const known = new Map<ByteString, readonly LdSoCacheEntry[]>();
  const find = (name: ByteString): LdSoCacheEntry[] => {
    const wanted = toBuffer(`${name}\0` as ByteString);
    const entries: LdSoCacheEntry[] = [];
    for (let i = 0; i < count; i++) {
      const at = NEW_HEADER_BYTES + i * NEW_ENTRY_BYTES;
      const key = word(at + 4);
      const matches = key + wanted.length <= cache.length && startsAt(cache, key, wanted);
      const entry = matches ? entryAt(at) : undefined;
      if (entry) entries.push(entry);
    }
    return entries;
  };
  return {
    lookUp: (name) => {
      const entries = known.get(name) ?? find(name);
      known.set(name, entries);
      return entries;
    },
  };
}

function startsAt(bytes: Buffer, offset: number, wanted: Buffer): boolean {
  // The first bytes of nearly all names are equal (`lib`): compare the last first.
  for (let i = wanted.length - 1; i >= 0; i--) if (bytes[offset + i] !== wanted[i]) return false;
  return true;
}

function newFormatStart(bytes: Buffer): number | undefined {
  const begins = (at: number, magic: string): boolean =>
    bytes.length >= at + NEW_HEADER_BYTES && bytes.toString('latin1', at, at + magic.length) === magic;
  if (begins(0, NEW_MAGIC)) return 0;
  if (!begins(0, OLD_MAGIC)) return undefined;
  // The old table in front is for libc5; the new one follows it, aligned as its widest field: 8, or 4 on i386.
  for (const littleEndian of [true, false]) {
    const count = littleEndian ? bytes.readUInt32LE(12) : bytes.readUInt32BE(12);
    const end = OLD_HEADER_BYTES + count * OLD_ENTRY_BYTES;
    for (const start of [Math.ceil(end / 8) * 8, Math.ceil(end / 4) * 4])
      if (begins(start, NEW_MAGIC)) return start;
  }
  return undefined;
}

/** @returns whether little endian; undefined when it is marked invalid or contradicts itself */
function byteOrder(cache: Buffer): boolean | undefined {
  const marked = (cache[28] as number) & 3;
  if (marked === 1) return undefined;
  if (marked !== 0) return marked === 2;
  // Before glibc 2.33 the order is not marked: the one in which the number of entries fits.
  const fits = (count: number): boolean => NEW_HEADER_BYTES + count * NEW_ENTRY_BYTES <= cache.length;
  if (fits(cache.readUInt32LE(20))) return true;
  return fits(cache.readUInt32BE(20)) ? false : undefined;
}

/** The extension section that numbers the names of glibc-hwcaps subdirectories. */
function readHwcapNames(cache: Buffer, word: (at: number) => number): (ByteString | undefined)[] {
  const directory = word(32);
  if (directory === 0 || directory + 8 > cache.length || word(directory) !== EXTENSION_MAGIC) return [];
  const count = word(directory + 4);
  if (directory + 8 + count * 16 > cache.length) return [];
  for (let i = 0; i < count; i++) {
    const at = directory + 8 + i * 16;
    const [tag, offset, size] = [word(at), word(at + 8), word(at + 12)];
    if (tag !== EXTENSION_TAG_HWCAPS || offset + size > cache.length) continue;
    return Array.from({ length: Math.min(HWCAP_NAMES_MAX, Math.floor(size / 4)) }, (_, k) =>
      stringAt(cache, word(offset + k * 4)),
    );
  }
  return [];
}

function describeHwcap(
  low: number,
  high: number,
  names: readonly (ByteString | undefined)[],
): Pick<LdSoCacheEntry, 'hwcap' | 'isaLevel' | 'legacyHwcap'> {
  if ((high & ~HWCAP_ISA_LEVEL_MASK) === HWCAP_EXTENSION) {
    const hwcap = names[low];
    // A name out of range can match no processor.
    return { hwcap: hwcap ?? ('' as ByteString), isaLevel: high & HWCAP_ISA_LEVEL_MASK, legacyHwcap: false };
  }
  return { isaLevel: 0, legacyHwcap: low !== 0 || (high & ~HWCAP_TLS) !== 0 };
}

function stringAt(cache: Buffer, offset: number): ByteString | undefined {
  const window = cache.subarray(offset, offset + PATH_MAX_BYTES);
  const end = window.indexOf(0);
  return end < 0 ? undefined : fromBuffer(window.subarray(0, end));
}
