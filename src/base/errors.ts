/**
 * The two kinds of failure. An `assert` crashes on our own bug. A `TeesError` is the world's: it has a stable
 * code, says what was tried on which node and path, and tells the user what to do next.
 */
import type { ByteString } from './bytes.js';
import { display, fromText } from './bytes.js';
import { ERROR_TEXT_MAX_CHARACTERS } from './limits.js';

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

export interface ErrorContext {
  /** What to do next: a sentence for the user. */
  readonly hint?: string;
  readonly node?: string;
  readonly path?: ByteString | string;
  readonly cause?: unknown;
  /** Usage and configuration errors end with status 2, everything else with 1. */
  readonly usage?: boolean;
}

export class TeesError extends Error {
  override readonly name = 'TeesError';
  readonly node?: string;
  readonly path?: string;
  readonly hint?: string;
  readonly usage: boolean;

  /** @param code stable, upper case with underscores, for example `NODE_UNKNOWN` */
  constructor(
    readonly code: string,
    message: string,
    context: ErrorContext = {},
  ) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    if (context.node !== undefined) this.node = context.node;
    if (context.path !== undefined) this.path = display(context.path as ByteString);
    if (context.hint !== undefined) this.hint = context.hint;
    this.usage = context.usage ?? false;
  }

  /** Plain data for a frame or a `--json` answer. */
  toRecord(): ErrorRecord {
    return {
      code: this.code,
      message: this.message.slice(0, ERROR_TEXT_MAX_CHARACTERS),
      ...(this.node === undefined ? {} : { node: this.node }),
      ...(this.path === undefined ? {} : { path: this.path }),
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.usage ? { usage: true } : {}),
    };
  }

  /** The same, said of this node, unless it names one. */
  of(node: string): TeesError {
    if (this.node !== undefined) return this;
    const path = this.path === undefined ? {} : { path: fromText(this.path) };
    return new TeesError(this.code, this.message, { ...this.toRecord(), ...path, node, cause: this.cause });
  }

  static fromRecord(record: ErrorRecord): TeesError {
    const path = record.path === undefined ? {} : { path: fromText(record.path) };
    return new TeesError(record.code, record.message, { ...record, ...path });
  }

  /** Whatever was thrown, as a TeesError: system errors keep their errno as `cause`. */
  static from(thrown: unknown, code: string, context: ErrorContext = {}): TeesError {
    if (thrown instanceof TeesError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new TeesError(code, message, { cause: thrown, ...context });
  }
}

export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly node?: string;
  readonly path?: string;
  readonly hint?: string;
  readonly usage?: boolean;
}

/** A wrong command line or configuration: exit status 2. */
export function usageError(code: string, message: string, context: ErrorContext = {}): TeesError {
  return new TeesError(code, message, { ...context, usage: true });
}

/** Crashes on our own bug. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** The three lines a person sees: what happened, where, what to do. */
export function describeError(error: TeesError): string {
  const where = [error.node && `node ${error.node}`, error.path && `path ${error.path}`].filter(Boolean);
  const lines = [`tees: ${error.code}: ${error.message}`];
  if (where.length > 0) lines.push(`  at ${where.join(', ')}`);
  if (error.hint) lines.push(`  ${error.hint}`);
  return lines.join('\n');
}
