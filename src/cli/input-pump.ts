/** Standard input to the first node's task, never more on the way than the daemon gave credit for. */
import type { Readable } from 'node:stream';

export class InputPump {
  #credit = 0;
  #attached = false;
  #ended = false;
  readonly #onReadable = (): void => this.#pump();

  /** @param send passes bytes on; `eof` ends the input */
  constructor(
    private readonly input: Readable,
    private readonly send: (bytes: Buffer, eof: boolean) => void,
  ) {}

  /** Input is not touched before the first grant: a job that fails early leaves it to the shell. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (!this.#attached) {
      this.#attached = true;
      this.input.on('readable', this.#onReadable);
      this.input.once('end', () => this.#end());
      this.input.once('error', () => this.#end());
    }
    this.#pump();
  }

  stop(): void {
    this.#ended = true;
    this.input.off('readable', this.#onReadable);
    // A terminal's or pipe's pending read would keep the process alive.
    this.input.destroy();
  }

  #pump(): void {
    while (this.#credit > 0 && !this.#ended) {
      const available = Math.min(this.#credit, this.input.readableLength);
      const bytes =
        available > 0 ? (this.input.read(available) as Buffer | null) : (this.input.read(0) as null);
      if (!bytes) return;
      this.#credit -= bytes.length;
      this.send(bytes, false);
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.send(Buffer.alloc(0), true);
  }
}
