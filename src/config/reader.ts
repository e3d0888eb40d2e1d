/**
 * Reads typed values out of a YAML document and never loses their place: whatever is wrong is told with file, line
 * and key. The document is walked by the keys that are expected, so that no alias can blow it up.
 */
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node, Pair, YAMLMap } from 'yaml';
import type { TeesError } from '../base/errors.js';
import { usageError } from '../base/errors.js';
import { suggestion } from '../topology/nearest.js';

interface Source {
  readonly file: string;
  readonly document: Document;
  lineAt(offset: number): number;
}

/** @throws TeesError CONFIG_MALFORMED with file and line */
export function readYaml(text: string, file: string): Value {
  const lineCounter = new LineCounter();
  // The library's own check for duplicate keys compares every pair of keys; `Section` has a faster one.
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
  // What is never closed is noticed at the end: that is the last line with something on it.
  const end = text.trimEnd().length;
  const lineAt = (offset: number): number => Math.max(1, lineCounter.linePos(Math.min(offset, end)).line);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) {
    const severalDocuments = problem.code === 'MULTIPLE_DOCS';
    const message = severalDocuments ? 'a second document begins here' : problem.message;
    throw usageError('CONFIG_MALFORMED', `${file}:${lineAt(problem.pos[0])}: ${message}`, {
      hint: 'The file is no valid YAML there. Tabs, missing quotes and wrong indentation are the usual causes.',
    });
  }
  return new Value({ file, document: document, lineAt }, document.contents, '', 0);
}

/** A value and where it stands. */
export class Value {
  readonly #node: Node | null;

  constructor(
    private readonly source: Source,
    node: Node | null,
    /** For messages: `groups[1].slaves`. */
    readonly key: string,
    private readonly offset: number,
  ) {
    this.#node = isAlias(node) ? (node.resolve(source.document) ?? null) : node;
  }

  get line(): number {
    return this.source.lineAt(this.offset);
  }

  /** The error that this value is. */
  fail(problem: string, hint: string, cause?: unknown): TeesError {
    const where = this.key === '' ? '' : ` ${this.key}:`;
    return usageError('CONFIG_INVALID', `${this.source.file}:${this.line}:${where} ${problem}`, {
      hint,
      cause,
    });
  }

  isText(): boolean {
    return isScalar(this.#node) && typeof this.#node.value === 'string';
  }

  isList(): boolean {
    return isSeq(this.#node);
  }

  isSection(): boolean {
    return isMap(this.#node);
  }

  text(expected: string): string {
    if (isScalar(this.#node) && typeof this.#node.value === 'string') return this.#node.value;
    const { source } = (isScalar(this.#node) ? this.#node : {}) as { source?: string };
    if (source !== undefined && source !== '' && this.#kind() !== 'nothing') {
      throw this.fail(`${this.#kind()} where text is expected`, `Put it in quotes: "${source}"`);
    }
    throw this.#unexpected(expected);
  }

  /** Text, or a bare number as it is written. */
  scalar(expected: string): string {
    if (isScalar(this.#node)) {
      const { value, source } = this.#node;
      if (typeof value === 'string') return value;
      if (typeof value === 'number') return source ?? String(value);
    }
    throw this.#unexpected(expected);
  }

  integer(min: number, max: number): number {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    const expected = `a whole number from ${min} to ${max}`;
    if (typeof value !== 'number' || !Number.isInteger(value)) throw this.#unexpected(expected);
    if (value < min || value > max) throw this.fail(`${value} is out of range`, `Give ${expected}.`);
    return value;
  }

  oneOf<Name extends string>(names: readonly Name[]): Name {
    const text = this.text(`one of ${names.join(', ')}`);
    const found = names.find((name) => name === text);
    if (found === undefined) {
      const allowed = `Allowed: ${names.join(', ')}.`;
      throw this.fail(`"${text}" is not known`, [suggestion(text, names), allowed].filter(Boolean).join(' '));
    }
    return found;
  }

  list(expected: string): Value[] {
    if (!isSeq(this.#node)) throw this.#unexpected(expected);
    return this.#node.items.map((item, i) => {
      const node = item as Node | null;
      return new Value(this.source, node, `${this.key}[${i}]`, node?.range?.[0] ?? this.offset);
    });
  }

  /** @param known the keys that are allowed; undefined allows any */
  section(expected: string, known?: readonly string[]): Section {
    if (!isMap(this.#node)) throw this.#unexpected(expected);
    return new Section(this, this.#pairs(this.#node), known);
  }

  #pairs(map: YAMLMap): Map<string, Value> {
    const values = new Map<string, Value>();
    for (const pair of map.items as Pair<Node | null, Node | null>[]) {
      const offset = pair.key?.range?.[0] ?? this.offset;
      const name = isScalar(pair.key) ? String(pair.key.value) : '';
      const key = this.key === '' ? name : `${this.key}.${name}`;
      const value = new Value(this.source, pair.value, key, pair.value?.range?.[0] ?? offset);
      if (name === '') throw this.fail('a key must be plain text', 'Write KEY: VALUE.');
      const before = values.get(name);
      if (before) throw value.fail(`the key stands on line ${before.line} already`, 'Give each key once.');
      values.set(name, value);
    }
    return values;
  }

  #unexpected(expected: string): TeesError {
    return this.fail(`${this.#kind()} where ${expected} is expected`, `Give ${expected}.`);
  }

  #kind(): string {
    if (isMap(this.#node)) return 'a map';
    if (isSeq(this.#node)) return 'a list';
    const value = isScalar(this.#node) ? this.#node.value : null;
    if (value === null || value === undefined) return 'nothing';
    if (typeof value === 'string') return `"${value}"`;
    if (typeof value === 'number') return `the number ${value}`;
    return typeof value === 'boolean' ? `the truth value ${value}` : 'something else';
  }
}

/** A map with known keys. */
export class Section {
  constructor(
    readonly value: Value,
    readonly values: ReadonlyMap<string, Value>,
    known?: readonly string[],
  ) {
    for (const [name, each] of values) {
      if (!known || known.includes(name)) continue;
      const hint = [suggestion(name, known), `The known keys here are ${known.join(', ')}.`];
      throw each.fail('there is no such key', hint.filter(Boolean).join(' '));
    }
  }

  get(name: string): Value | undefined {
    return this.values.get(name);
  }

  /** @param hint what to write */
  require(name: string, hint: string): Value {
    const value = this.get(name);
    if (!value) throw this.value.fail(`the key ${name} is missing`, hint);
    return value;
  }
}
