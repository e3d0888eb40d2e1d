/**
 * What the kernel and the dynamic loader read of an ELF file before its code runs: class, machine, interpreter and
 * the dynamic section. Files come from users: whatever they hold, the answer is a value, in bounded memory.
 */
import type { ByteString } from '../base/bytes.js';
import { fromBuffer } from '../base/bytes.js';
import { ELF_DYNAMIC_MAX_BYTES, ELF_HEADERS_MAX_BYTES, ELF_STRING_MAX_BYTES } from '../base/limits.js';
import { ELF_NEEDED_MAX, PATH_MAX_BYTES } from '../base/limits.js';
import type { ByteReader } from './byte-reader.js';
import { readCString } from './byte-reader.js';
import type { ElfClass, ProgramHeader } from './elf-fields.js';
import * as elf from './elf-fields.js';

export interface ElfFile {
  readonly kind: 'elf';
  readonly class: ElfClass;
  readonly littleEndian: boolean;
  readonly machine: number;
  readonly type: 'executable' | 'shared' | 'other';
  /** PT_INTERP: the dynamic loader that the kernel starts. */
  readonly interpreter?: ByteString;
  /** Whether there is a dynamic section at all. */
  readonly dynamic: boolean;
  /** Nothing is loaded for it: no interpreter and either no dynamic section, or a static-pie one. */
  readonly static: boolean;
  /** DT_NEEDED with DT_AUXILIARY and DT_FILTER among them, in the order of the dynamic section. */
  readonly needed: readonly NeededLibrary[];
  readonly soname?: ByteString;
  readonly rpath?: ByteString;
  readonly runpath?: ByteString;
  /** DF_1_NODEFLIB: neither default directories nor the cache's entries in them are used. */
  readonly noDefaultLibraries: boolean;
}

export interface NeededLibrary {
  readonly name: ByteString;
  /** DT_AUXILIARY: the loader does without it. */
  readonly optional: boolean;
}

export interface NotElf {
  readonly kind: 'not-elf';
}

/** It begins like ELF and is not: truncated, or contradicting itself. */
export interface MalformedElf {
  readonly kind: 'malformed';
  readonly reason: string;
}

export type ElfResult = ElfFile | NotElf | MalformedElf;

export function parseElf(reader: ByteReader): ElfResult {
  const header = reader.read(0, elf.HEADER_MAX_BYTES);
  if (header.length < 4 || !header.subarray(0, 4).equals(elf.ELF_MAGIC)) return { kind: 'not-elf' };
  const [classByte, orderByte] = [header[4], header[5]];
  if (classByte !== 1 && classByte !== 2) return malformed('unknown class');
  if (orderByte !== 1 && orderByte !== 2) return malformed('unknown byte order');
  const fields = new elf.FieldReader(classByte === 2 ? 64 : 32, orderByte === 1);
  if (header.length < fields.headerSize) return malformed('truncated header');
  const programHeaders = readProgramHeaders(reader, header, fields);
  if (typeof programHeaders === 'string') return malformed(programHeaders);
  return describe(reader, header, fields, programHeaders);
}

function malformed(reason: string): MalformedElf {
  return { kind: 'malformed', reason };
}

function readProgramHeaders(
  reader: ByteReader,
  header: Buffer,
  fields: elf.FieldReader,
): ProgramHeader[] | string {
  const { offset, count, entrySize } = fields.table(header);
  if (count === 0) return [];
  if (entrySize !== fields.programHeaderSize) return 'program headers of an unknown size';
  // The kernel refuses more than this, too (load_elf_phdrs).
  if (count * entrySize > ELF_HEADERS_MAX_BYTES) return 'too many program headers';
  const bytes = Number.isFinite(offset) ? reader.read(offset, count * entrySize) : Buffer.alloc(0);
  if (bytes.length < count * entrySize) return 'truncated program headers';
  return Array.from({ length: count }, (_, i) => fields.programHeader(bytes, i * entrySize));
}

function describe(
  reader: ByteReader,
  header: Buffer,
  fields: elf.FieldReader,
  programHeaders: readonly ProgramHeader[],
): ElfFile | MalformedElf {
  const interpreter = readInterpreter(reader, programHeaders);
  if (interpreter === null) return malformed('interpreter without a name');
  const dynamic = readDynamic(reader, fields, programHeaders);
  if (typeof dynamic === 'string') return malformed(dynamic);
  const type = fields.half(header, 16);
  return {
    kind: 'elf',
    class: fields.elfClass,
    littleEndian: fields.littleEndian,
    machine: fields.half(header, 18),
    type: type === elf.ET_EXEC ? 'executable' : type === elf.ET_DYN ? 'shared' : 'other',
    ...(interpreter === undefined ? {} : { interpreter }),
    dynamic: dynamic !== undefined,
    static: interpreter === undefined && (dynamic === undefined || (dynamic.flags1 & elf.DF_1_PIE) !== 0),
    needed: dynamic?.needed ?? [],
    ...(dynamic?.soname === undefined ? {} : { soname: dynamic.soname }),
    ...(dynamic?.rpath === undefined ? {} : { rpath: dynamic.rpath }),
    ...(dynamic?.runpath === undefined ? {} : { runpath: dynamic.runpath }),
    noDefaultLibraries: ((dynamic?.flags1 ?? 0) & elf.DF_1_NODEFLIB) !== 0,
  };
}

/** undefined: there is none; null: there is one, and it is not a NUL-terminated path. */
function readInterpreter(
  reader: ByteReader,
  programHeaders: readonly ProgramHeader[],
): ByteString | undefined | null {
  const segment = programHeaders.find((it) => it.type === elf.PT_INTERP);
  if (!segment) return undefined;
  // As the kernel: 2 to PATH_MAX bytes, the last of them NUL (load_elf_binary).
  if (segment.fileSize < 2 || segment.fileSize > PATH_MAX_BYTES || segment.offset === Infinity) return null;
  const bytes = reader.read(segment.offset, segment.fileSize);
  if (bytes.length < segment.fileSize || bytes[bytes.length - 1] !== 0) return null;
  return fromBuffer(bytes.subarray(0, bytes.indexOf(0)));
}

interface DynamicSection {
  needed: NeededLibrary[];
  soname?: ByteString;
  rpath?: ByteString;
  runpath?: ByteString;
  flags1: number;
}

function readDynamic(
  reader: ByteReader,
  fields: elf.FieldReader,
  programHeaders: readonly ProgramHeader[],
): DynamicSection | undefined | string {
  const segment = programHeaders.find((it) => it.type === elf.PT_DYNAMIC);
  if (!segment) return undefined;
  if (segment.fileSize > ELF_DYNAMIC_MAX_BYTES) return 'dynamic section too long';
  if (segment.offset === Infinity) return 'dynamic section outside the file';
  const bytes = reader.read(segment.offset, segment.fileSize);
  if (bytes.length < segment.fileSize) return 'truncated dynamic section';
  const entries: { tag: number; value: number }[] = [];
  for (let at = 0; at + fields.dynamicEntrySize <= bytes.length; at += fields.dynamicEntrySize) {
    const entry = fields.dynamicEntry(bytes, at);
    if (entry.tag === elf.DT_NULL) break;
    entries.push(entry);
  }
  const strings = entries.find((it) => it.tag === elf.DT_STRTAB);
  const table = strings && fileOffset(programHeaders, strings.value);
  return readEntries(entries, (at) =>
    table === undefined || at > Number.MAX_SAFE_INTEGER - table
      ? undefined
      : readCString(reader, table + at, ELF_STRING_MAX_BYTES),
  );
}

/** Dynamic entries hold addresses; PT_LOAD says which bytes of the file appear there. */
function fileOffset(programHeaders: readonly ProgramHeader[], address: number): number | undefined {
  for (const it of programHeaders) {
    if (it.type !== elf.PT_LOAD || it.offset === Infinity || it.address === Infinity) continue;
    if (address >= it.address && address < it.address + it.fileSize) return it.offset + address - it.address;
  }
  return undefined;
}

function readEntries(
  entries: readonly { tag: number; value: number }[],
  stringAt: (offset: number) => ByteString | undefined,
): DynamicSection | string {
  const section: DynamicSection = { needed: [], flags1: 0 };
  for (const { tag, value } of entries) {
    if (tag === elf.DT_FLAGS_1) section.flags1 = Number.isFinite(value) ? value % 2 ** 32 : 0;
    if (!STRING_TAGS.has(tag)) continue;
    const text = stringAt(value);
    if (text === undefined) return 'a name outside the string table';
    if (tag === elf.DT_SONAME) section.soname = text;
    else if (tag === elf.DT_RPATH) section.rpath = text;
    else if (tag === elf.DT_RUNPATH) section.runpath = text;
    else if (text.length >= PATH_MAX_BYTES) return 'a name too long for a file';
    else if (section.needed.length === ELF_NEEDED_MAX) return 'too many needed libraries';
    else section.needed.push({ name: text, optional: tag === elf.DT_AUXILIARY });
  }
  return section;
}

const STRING_TAGS = new Set([
  elf.DT_NEEDED,
  elf.DT_AUXILIARY,
  elf.DT_FILTER,
  elf.DT_SONAME,
  elf.DT_RPATH,
  elf.DT_RUNPATH,
]);
