/** A measuring program: one command at a time, one number for an answer, or a line. */
import type { Readable, Writable } from 'node:stream';

export interface ClientStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** What was read need not be kept. */
  outputTaken?(stream: 'stdout' | 'stderr', bytes: number): void;
}

export class Client {
  readonly #lines: string[] = [];
  #text = '';
  #complaint = '';
  #ended = false;
  #wake: () => void = () => {};

  constructor(private readonly streams: ClientStreams) {
    streams.stdout.on('data', (bytes: Buffer) => {
      streams.outputTaken?.('stdout', bytes.length);
      const lines = (this.#text + bytes.toString()).split('\n');
      this.#text = lines.pop() ?? '';
      this.#lines.push(...lines);
      this.#wake();
    });
    streams.stderr.on('data', (bytes: Buffer) => {
      streams.outputTaken?.('stderr', bytes.length);
      this.#complaint += bytes.toString();
    });
    streams.stdout.once('end', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  async ask(...command: readonly (string | number)[]): Promise<number> {
    return Number(await this.askLine(...command));
  }

  async askLine(...command: readonly (string | number)[]): Promise<string> {
    this.streams.stdin.write(`${command.join(' ')}\n`);
    while (this.#lines.length === 0) {
      if (this.#ended) throw new Error(`the client failed: ${command.join(' ')}: ${this.#complaint}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#lines.shift()!;
  }

  end(): void {
    this.streams.stdin.end();
  }
}
