/**
 * Node lists as Slurm writes them (`man scontrol`, "hostlist"): `cn[0-15,20],login,r[0-1]n[001-010]`.
 * `parseHostlist` expands one, `foldHostlist` writes one.
 */
import { usageError } from '../base/errors.js';
import { HOSTLIST_DIGITS_MAX, NAME_MAX_BYTES, NODES_MAX } from '../base/limits.js';

export { foldHostlist } from './hostlist-fold.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const SYNTAX = 'A node list looks like this: cn[0-15,20],login,r[0-1]n[001-010]';

/** Whether this can be the name of a node: letters, digits, dots, dashes, underscores. */
export function isNodeName(name: string): boolean {
  return NAME.test(name) && name.length <= NAME_MAX_BYTES;
}

interface Range {
  readonly first: number;
  readonly last: number;
  /** Digits at least, filled up with zeros. */
  readonly digits: number;
}

/**
 * The names in the order written; the last bracket group counts fastest. Empty text gives no names.
 * @throws TeesError HOSTLIST_MALFORMED with the position, HOSTLIST_TOO_LONG, NODE_DUPLICATE naming the node
 */
export function parseHostlist(text: string): string[] {
  const names: string[] = [];
  if (text.trim() === '') return names;
  const seen = new Set<string>();
  for (const name of new HostlistParser(text).names()) {
    if (seen.has(name)) {
      throw usageError('NODE_DUPLICATE', `node ${name} stands twice in the list`, {
        node: name,
        hint: 'Name each node once.',
      });
    }
    seen.add(name);
    names.push(name);
  }
  return names;
}

class HostlistParser {
  #at = 0;
  #total = 0;

  constructor(private readonly text: string) {}

  *names(): Generator<string> {
    for (const { start, parts } of this.#elements()) {
      for (const name of product(parts, 0, '')) {
        if (!isNodeName(name)) throw this.#malformed(start, `"${name.slice(0, 64)}" cannot be a node's name`);
        yield name;
      }
    }
  }

  #elements(): { start: number; parts: (string | Range[])[] }[] {
    const elements = [];
    do {
      this.#skipSpace();
      const start = this.#at;
      const parts = this.#element();
      this.#checkSize(parts);
      elements.push({ start, parts });
      this.#skipSpace();
    } while (this.#accept(','));
    if (this.#at < this.text.length) throw this.#unexpected();
    return elements;
  }

  /** Literal text and bracket groups in turn, up to a comma or the end. */
  #element(): (string | Range[])[] {
    const start = this.#at;
    const parts: (string | Range[])[] = [];
    for (;;) {
      const literal = this.#match(/[A-Za-z0-9._-]+/y);
      if (literal !== '') parts.push(literal);
      else if (this.text[this.#at] === '[') parts.push(this.#brackets());
      else break;
      // Every part is a character at least, and what expands the parts calls itself once a part.
      if (parts.length > NAME_MAX_BYTES) throw this.#malformed(start, 'the name is too long');
    }
    if (parts.length > 0) return parts;
    if (this.#at < this.text.length && this.text[this.#at] !== ',') throw this.#unexpected();
    throw this.#malformed(start, 'a name is missing here');
  }

  #brackets(): Range[] {
    const start = this.#at;
    this.#at++;
    const ranges: Range[] = [];
    do ranges.push(this.#range());
    while (this.#accept(','));
    if (this.#accept(']')) return ranges;
    if (this.#at >= this.text.length) throw this.#malformed(start, '"[" is never closed');
    throw this.#unexpected();
  }

  #range(): Range {
    const start = this.#at;
    const first = this.#number();
    const last = this.#accept('-') ? this.#number() : first;
    if (Number(last) < Number(first)) throw this.#malformed(start, `range ${first}-${last} runs backwards`);
    if (last.startsWith('0') && last.length !== first.length) {
      throw this.#malformed(start, `range ${first}-${last} has two paddings`);
    }
    return { first: Number(first), last: Number(last), digits: first.length };
  }

  #number(): string {
    const start = this.#at;
    const digits = this.#match(/[0-9]+/y);
    if (digits === '' && start >= this.text.length) throw this.#malformed(start, 'a number is missing here');
    if (digits === '')
      throw this.#malformed(start, `"${this.text[start] as string}" stands where a number must`);
    if (digits.length > HOSTLIST_DIGITS_MAX) throw this.#malformed(start, 'the number is too long');
    return digits;
  }

  /** Before anything is expanded: brackets multiply quickly. */
  #checkSize(parts: readonly (string | Range[])[]): void {
    let count = 1;
    for (const part of parts) {
      if (typeof part === 'string') continue;
      count *= part.reduce((sum, range) => sum + range.last - range.first + 1, 0);
    }
    this.#total += count;
    if (this.#total > NODES_MAX) {
      throw usageError('HOSTLIST_TOO_LONG', `the list names more than ${NODES_MAX} nodes`, { hint: SYNTAX });
    }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.text)?.[0] ?? '';
    this.#at += match.length;
    return match;
  }

  #accept(character: string): boolean {
    if (this.text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    this.#match(/\s+/y);
  }

  #unexpected(): Error {
    return this.#malformed(this.#at, `"${this.text[this.#at] as string}" does not belong here`);
  }

  #malformed(position: number, reason: string): Error {
    const shown = this.text.length <= 60 ? this.text : `${this.text.slice(0, 57)}...`;
    return usageError('HOSTLIST_MALFORMED', `node list "${shown}", character ${position + 1}: ${reason}`, {
      hint: SYNTAX,
    });
  }
}

function* product(parts: readonly (string | Range[])[], at: number, prefix: string): Generator<string> {
  const part = parts[at];
  if (part === undefined) yield prefix;
  else if (typeof part === 'string') yield* product(parts, at + 1, prefix + part);
  else
    for (const { first, last, digits } of part) {
      for (let n = first; n <= last; n++) {
        yield* product(parts, at + 1, prefix + String(n).padStart(digits, '0'));
      }
    }
}
