/** Output of many nodes as whole lines behind `NODE: `, like `srun -l`; bytes pass as they are. */

const NEWLINE = Buffer.from('\n');
/** A line longer than this is cut in two, so that nothing grows with what a program prints. */
const LINE_MAX_BYTES = 64 * 1024;

interface Stream {
  readonly prefix: Buffer;
  /** Of a line that has not ended. */
  rest: Buffer;
}

export class LinePrefixer {
  readonly #streams = new Map<string, Stream>();

  /** @param write takes whole lines, each with its newline */
  constructor(private readonly write: (lines: Buffer) => void | Promise<void>) {}

  async push(node: string, bytes: Buffer): Promise<void> {
    const stream = this.#streamOf(node);
    const data = stream.rest.length > 0 ? Buffer.concat([stream.rest, bytes]) : bytes;
    const parts: Buffer[] = [];
    let start = 0;
    for (let end = lineEnd(data, start); end >= 0; end = lineEnd(data, start)) {
      const ended = data[end] === NEWLINE[0];
      parts.push(stream.prefix, data.subarray(start, ended ? end + 1 : end));
      if (!ended) parts.push(NEWLINE);
      start = ended ? end + 1 : end;
    }
    stream.rest = Buffer.from(data.subarray(start));
    if (parts.length > 0) await this.write(Buffer.concat(parts));
  }

  /** Lines that never ended. */
  end(): void {
    for (const { prefix, rest } of this.#streams.values())
      if (rest.length > 0) void this.write(Buffer.concat([prefix, rest, NEWLINE]));
    this.#streams.clear();
  }

  #streamOf(node: string): Stream {
    let stream = this.#streams.get(node);
    if (!stream) {
      stream = { prefix: Buffer.from(`${node}: `), rest: Buffer.alloc(0) };
      this.#streams.set(node, stream);
    }
    return stream;
  }
}

/** Where the line from `start` on ends; -1 when it has not ended. */
function lineEnd(data: Buffer, start: number): number {
  const newline = data.indexOf(NEWLINE[0] as number, start);
  if (newline >= 0 && newline - start <= LINE_MAX_BYTES) return newline;
  return data.length - start > LINE_MAX_BYTES ? start + LINE_MAX_BYTES : -1;
}
