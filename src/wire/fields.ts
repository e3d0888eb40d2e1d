/** Checked access to the fields of a header that came from outside. Each refuses with MESSAGE_INVALID. */
import { constants } from 'node:os';
import { TeesError } from '../base/errors.js';
import type { ErrorRecord } from '../base/errors.js';
import type { Header } from './frame.js';

export class Fields {
  constructor(private readonly header: Header) {}

  has(key: string): boolean {
    return this.header[key] !== undefined;
  }

  text(key: string, maxLength = 4096): string {
    const value = this.header[key];
    if (typeof value !== 'string' || value.length > maxLength) throw this.#invalid(key, 'a text');
    return value;
  }

  optionalText(key: string, maxLength?: number): string | undefined {
    return this.header[key] === undefined ? undefined : this.text(key, maxLength);
  }

  /** A whole number of at least 0. */
  count(key: string, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.header[key];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) {
      throw this.#invalid(key, `a whole number from 0 to ${max}`);
    }
    return value;
  }

  optionalCount(key: string, max?: number): number | undefined {
    return this.header[key] === undefined ? undefined : this.count(key, max);
  }

  number(key: string): number {
    const value = this.header[key];
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.#invalid(key, 'a number');
    return value;
  }

  optionalNumber(key: string): number | undefined {
    return this.header[key] === undefined ? undefined : this.number(key);
  }

  flag(key: string): boolean {
    const value = this.header[key];
    if (typeof value !== 'boolean') throw this.#invalid(key, 'true or false');
    return value;
  }

  bytes(key: string, maxBytes: number): Buffer {
    const value = this.header[key];
    if (!(value instanceof Uint8Array) || value.length > maxBytes) {
      throw this.#invalid(key, `at most ${maxBytes} bytes`);
    }
    return Buffer.from(value);
  }

  texts(key: string, maxCount: number, maxLength = 1 << 20): string[] {
    return this.list(key, maxCount).map((value) => {
      if (typeof value !== 'string' || value.length > maxLength) throw this.#invalid(key, 'a list of texts');
      return value;
    });
  }

  counts(key: string, maxCount: number, max = Number.MAX_SAFE_INTEGER): number[] {
    return this.list(key, maxCount).map((value) => {
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) {
        throw this.#invalid(key, `a list of whole numbers from 0 to ${max}`);
      }
      return value;
    });
  }

  /** A command and its arguments as execve(2) takes them: there is one, and no NUL in them. */
  argv(key: string, maxCount: number): string[] {
    const words = this.texts(key, maxCount);
    if (words.length === 0 || words.some((word) => word.includes('\0')))
      throw this.#invalid(key, 'a command and its arguments, without NUL');
    return words;
  }

  /** As kill(1) spells it with SIG before it. */
  signal(key: string): NodeJS.Signals {
    const name = this.text(key, 16);
    if (!Object.hasOwn(constants.signals, name)) throw this.#invalid(key, 'the name of a signal');
    return name as NodeJS.Signals;
  }

  list(key: string, maxCount: number): unknown[] {
    const value = this.header[key];
    if (!Array.isArray(value) || value.length > maxCount) {
      throw this.#invalid(key, `a list of at most ${maxCount}`);
    }
    return value as unknown[];
  }

  object(key: string): Fields {
    return new Fields(asHeader(this.header[key], () => this.#invalid(key, 'an object')));
  }

  optionalObject(key: string): Fields | undefined {
    return this.header[key] === undefined ? undefined : this.object(key);
  }

  objects(key: string, maxCount: number): Fields[] {
    return this.list(key, maxCount).map(
      (value) => new Fields(asHeader(value, () => this.#invalid(key, 'a list of objects'))),
    );
  }

  /** None when there is none. */
  optionalObjects(key: string, maxCount: number): Fields[] {
    return this.header[key] === undefined ? [] : this.objects(key, maxCount);
  }

  /** A process environment: a list of NAME=VALUE, as `environmentList` makes it. */
  environment(key: string, maxCount: number): Record<string, string> {
    const pairs = this.texts(key, maxCount).map((pair): [string, string] => {
      const at = pair.indexOf('=');
      if (at < 1) throw this.#invalid(key, 'a list of NAME=VALUE');
      return [pair.slice(0, at), pair.slice(at + 1)];
    });
    return Object.fromEntries(pairs);
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T {
    const value = this.header[key];
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw this.#invalid(key, `one of ${allowed.join(', ')}`);
    return found;
  }

  errorRecord(key: string): ErrorRecord {
    const fields = this.object(key);
    const optional = (name: 'node' | 'path' | 'hint') => {
      const value = fields.optionalText(name, 65_536);
      return value === undefined ? {} : { [name]: value };
    };
    const usage = fields.header['usage'] === true ? { usage: true } : {};
    const code = fields.text('code', 64);
    // It is shown, and acted on.
    if (!/^[A-Z][A-Z0-9_]*$/.test(code)) throw this.#invalid(key, 'an error with a code');
    const plain = { code, message: fields.text('message', 65_536) };
    return { ...plain, ...optional('node'), ...optional('path'), ...optional('hint'), ...usage };
  }

  #invalid(key: string, expected: string): TeesError {
    return new TeesError('MESSAGE_INVALID', `a message was refused: '${key}' must be ${expected}`);
  }
}

/** Variables travel as a list, as to execve(2): any name is allowed there, and not in a BSON document. */
export function environmentList(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function asHeader(value: unknown, failure: () => TeesError): Header {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw failure();
  }
  return value as Header;
}
