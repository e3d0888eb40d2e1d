/** Where ELF keeps its fields (System V gABI, chapters 4 and 5; elf.h), for both classes and byte orders. */

export const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1');
export const HEADER_MAX_BYTES = 64;

export const ET_EXEC = 2;
export const ET_DYN = 3;
export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;

export const DT_NULL = 0;
export const DT_NEEDED = 1;
export const DT_STRTAB = 5;
export const DT_SONAME = 14;
export const DT_RPATH = 15;
export const DT_RUNPATH = 29;
export const DT_FLAGS_1 = 0x6ffffffb;
export const DT_AUXILIARY = 0x7ffffffd;
export const DT_FILTER = 0x7fffffff;
export const DF_1_NODEFLIB = 0x800;
export const DF_1_PIE = 0x0800_0000;

export type ElfClass = 32 | 64;

export interface ProgramHeader {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

/** Reads the fields of one class and byte order. A 64-bit value that no file offset can have is Infinity. */
export class FieldReader {
  readonly headerSize: number;
  readonly programHeaderSize: number;
  readonly dynamicEntrySize: number;

  constructor(
    readonly elfClass: ElfClass,
    readonly littleEndian: boolean,
  ) {
    this.headerSize = elfClass === 64 ? 64 : 52;
    this.programHeaderSize = elfClass === 64 ? 56 : 32;
    this.dynamicEntrySize = elfClass === 64 ? 16 : 8;
  }

  half(bytes: Buffer, at: number): number {
    return this.littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  word(bytes: Buffer, at: number): number {
    return this.littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  /** An address, offset or size: as wide as the class. */
  wide(bytes: Buffer, at: number): number {
    if (this.elfClass === 32) return this.word(bytes, at);
    const value = Number(this.littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
    return Number.isSafeInteger(value) ? value : Infinity;
  }

  /** The program header table: where, how many, and how long each says it is. */
  table(header: Buffer): { offset: number; count: number; entrySize: number } {
    const wide = this.elfClass === 64;
    return {
      offset: this.wide(header, wide ? 32 : 28),
      entrySize: this.half(header, wide ? 54 : 42),
      count: this.half(header, wide ? 56 : 44),
    };
  }

  programHeader(bytes: Buffer, at: number): ProgramHeader {
    const wide = this.elfClass === 64;
    return {
      type: this.word(bytes, at),
      offset: this.wide(bytes, at + (wide ? 8 : 4)),
      address: this.wide(bytes, at + (wide ? 16 : 8)),
      fileSize: this.wide(bytes, at + (wide ? 32 : 16)),
    };
  }

  dynamicEntry(bytes: Buffer, at: number): { tag: number; value: number } {
    const width = this.elfClass === 64 ? 8 : 4;
    return { tag: this.wide(bytes, at), value: this.wide(bytes, at + width) };
  }
}
