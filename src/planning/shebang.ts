/** The first line of scripts as the kernel reads it (fs/binfmt_script.c), and the arguments of env(1). */
import type { ByteString } from '../base/bytes.js';
import { fromBuffer } from '../base/bytes.js';
import { SCRIPT_LINE_MAX_BYTES } from '../base/limits.js';

export interface Shebang {
  readonly interpreter: ByteString;
  /** Everything after the interpreter: one argument, inner blanks included. */
  readonly argument?: ByteString;
}

/** @param start the file's first bytes; @returns undefined when the kernel would not take it for a script */
export function parseShebang(start: Buffer): Shebang | undefined {
  if (start.length < 2 || start[0] !== 0x23 || start[1] !== 0x21) return undefined;
  const buffer = fromBuffer(start.subarray(2, SCRIPT_LINE_MAX_BYTES));
  // The kernel's buffer is filled up with NULs, which end the line; of a line that does not end in it, it takes
  // all but the last byte.
  const truncated = start.length >= SCRIPT_LINE_MAX_BYTES && !/[\n\0]/.test(buffer);
  const text = truncated ? buffer.slice(0, -1) : (buffer.split(/[\n\0]/)[0] as string);
  const line = text.replace(/^[ \t]+/, '');
  // Without a blank after it the interpreter's own name may be cut off.
  if (truncated && !/[ \t]/.test(line)) return undefined;
  const [, interpreter, argument] = /^([^ \t]*)[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
  if (!interpreter) return undefined;
  return {
    interpreter: interpreter as ByteString,
    ...(argument ? { argument: argument as ByteString } : {}),
  };
}

export interface EnvInvocation {
  /** The program and its arguments; empty when env only prints. */
  readonly argv: readonly ByteString[];
  readonly variables: Readonly<Record<string, ByteString>>;
  readonly directory?: ByteString;
}

const ENV_OPTIONS_WITH_VALUE = /^(?:-[iv0]*[uC]|--unset|--chdir|--argv0|-[iv0]*a)$/;

/** What `env ARGUMENTS…` runs, and with which environment (coreutils, src/env.c). */
export function parseEnvArguments(
  args: readonly ByteString[],
  inherited: Readonly<Record<string, ByteString>>,
): EnvInvocation {
  let variables: Record<string, ByteString> = { ...inherited };
  let directory: ByteString | undefined;
  let rest = splitStrings(args);
  for (; rest[0]?.startsWith('-'); rest = rest.slice(1)) {
    const option = rest[0];
    if (option === '--') {
      rest = rest.slice(1);
      break;
    }
    if (option === '-' || option === '--ignore-environment' || /^-[v0]*i/.test(option)) variables = {};
    const takesNext = ENV_OPTIONS_WITH_VALUE.test(option);
    const value = takesNext ? rest[1] : /^(?:--\w+=|-[uC])(.*)$/.exec(option)?.[1];
    if (takesNext) rest = rest.slice(1);
    if (value === undefined) continue;
    if (/^(?:-[iv0]*u|--unset)/.test(option)) delete variables[value];
    if (/^(?:-[iv0]*C|--chdir)/.test(option)) directory = value as ByteString;
  }
  for (; rest[0]?.includes('='); rest = rest.slice(1)) {
    const at = rest[0].indexOf('=');
    variables[rest[0].slice(0, at)] = rest[0].slice(at + 1) as ByteString;
  }
  return { argv: rest, variables, ...(directory === undefined ? {} : { directory }) };
}

/** `-S 'a b'` and `-Sa b` stand for a and b; options may stand before the S (`-vS`). */
function splitStrings(args: readonly ByteString[]): readonly ByteString[] {
  const [first, second, ...others] = args;
  const match = first === undefined ? null : /^(-[iv0]*)S(.*)$|^--split-string(?:=(.*))?$/s.exec(first);
  if (!match) return args;
  const attached = match[2] || match[3];
  const text = attached ? attached : (second ?? '');
  const after = attached ? args.slice(1) : others;
  const flags = match[1] && match[1] !== '-' ? [match[1] as ByteString] : [];
  return [...flags, ...splitStrings(words(text)), ...after];
}

/** Words separated by blanks or `\_`, with quotes, in which `\_` is a blank. */
function words(text: string): ByteString[] {
  const found: ByteString[] = [];
  const word = /\\_|(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\[^_]|[^\s"'\\])+/gs;
  for (const [raw] of text.matchAll(word)) {
    if (raw.startsWith('#')) break;
    if (raw === '\\_') continue;
    found.push(
      raw.replace(
        /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs,
        (_, double?: string, single?: string, next?: string) =>
          double !== undefined
            ? double.replace(/\\(.)/gs, (_pair, it: string) => (it === '_' ? ' ' : it))
            : (single ?? (next as string)),
      ) as ByteString,
    );
  }
  return found;
}
