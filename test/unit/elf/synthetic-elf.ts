/** ELF files made byte by byte: of both classes and byte orders, with whatever a test wants to be wrong. */

export interface SyntheticElf {
  readonly elfClass: 32 | 64;
  readonly littleEndian: boolean;
  readonly type?: number;
  readonly machine?: number;
  readonly interpreter?: string;
  /** Tag and value; a string goes into the string table. */
  readonly dynamic?: readonly (readonly [number, string | number])[];
  /** Where the file's start appears in memory. */
  readonly address?: number;
}

const TABLE_OFFSET = 64;
const DATA_OFFSET = 512;

/** Layout: header, program headers at 64, from 512 on the interpreter, the strings, the dynamic section. */
export function syntheticElf(spec: SyntheticElf): Buffer {
  const wide = spec.elfClass === 64;
  const address = spec.address ?? 0x400000;
  const strings = ['\0'];
  let stringsLength = 1;
  const entries = (spec.dynamic ?? []).map(([tag, value]): [number, number] => {
    if (typeof value === 'number') return [tag, value];
    strings.push(`${value}\0`);
    stringsLength += value.length + 1;
    return [tag, stringsLength - value.length - 1];
  });
  const interpreter = Buffer.from(spec.interpreter === undefined ? '' : `${spec.interpreter}\0`, 'latin1');
  const stringsOffset = DATA_OFFSET + interpreter.length;
  const dynamicOffset = stringsOffset + stringsLength;
  const write = writer(spec);
  const dynamic = Buffer.concat(
    [[5, address + stringsOffset] as const, ...entries, [0, 0] as const].flatMap(([tag, value]) => [
      write.wide(tag),
      write.wide(value),
    ]),
  );
  const total = dynamicOffset + dynamic.length;
  const headers = [
    programHeader(write, wide, 1, 0, address, total),
    ...(spec.interpreter === undefined
      ? []
      : [programHeader(write, wide, 3, DATA_OFFSET, address + DATA_OFFSET, interpreter.length)]),
    ...(spec.dynamic === undefined
      ? []
      : [programHeader(write, wide, 2, dynamicOffset, address + dynamicOffset, dynamic.length)]),
  ];
  const file = Buffer.alloc(total);
  header(write, spec, headers.length).copy(file);
  Buffer.concat(headers).copy(file, TABLE_OFFSET);
  interpreter.copy(file, DATA_OFFSET);
  file.write(strings.join(''), stringsOffset, 'latin1');
  dynamic.copy(file, dynamicOffset);
  return file;
}

interface Writer {
  half(value: number): Buffer;
  word(value: number): Buffer;
  wide(value: number): Buffer;
}

function writer({ elfClass, littleEndian }: SyntheticElf): Writer {
  const number = (bytes: number) => (value: number) => {
    const buffer = Buffer.alloc(bytes);
    buffer.writeUIntBE(value % 2 ** 48, Math.max(0, bytes - 6), Math.min(6, bytes));
    return littleEndian ? buffer.reverse() : buffer;
  };
  return { half: number(2), word: number(4), wide: number(elfClass === 64 ? 8 : 4) };
}

function header(write: Writer, spec: SyntheticElf, count: number): Buffer {
  const wide = spec.elfClass === 64;
  return Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, spec.littleEndian ? 1 : 2, 1, 0]),
    Buffer.alloc(8),
    write.half(spec.type ?? 3),
    write.half(spec.machine ?? 62),
    write.word(1),
    write.wide(0),
    write.wide(TABLE_OFFSET),
    write.wide(0),
    write.word(0),
    write.half(wide ? 64 : 52),
    write.half(wide ? 56 : 32),
    write.half(count),
    write.half(0),
    write.half(0),
    write.half(0),
  ]);
}

function programHeader(
  write: Writer,
  wide: boolean,
  type: number,
  offset: number,
  address: number,
  size: number,
): Buffer {
  const [start, flags] = [write.word(type), write.word(4)];
  const place = [
    write.wide(offset),
    write.wide(address),
    write.wide(address),
    write.wide(size),
    write.wide(size),
  ];
  const alignment = write.wide(1);
  return Buffer.concat(wide ? [start, flags, ...place, alignment] : [start, ...place, flags, alignment]);
}
