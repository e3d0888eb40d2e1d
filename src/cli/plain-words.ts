/**
 * Command lines that need no explanation: known options, each once and with its value, and as many positionals as
 * there may be. They are read here, because loading yargs takes longer than all that a short command does. Whatever
 * else there is on the line, help and mistakes among it, is left to yargs.
 */
import { parseArgs } from 'node:util';

/** What a command takes, as it tells yargs too. */
export interface PlainShape {
  /** By their order. */
  readonly positionals: readonly string[];
  /** So many of them must be given. */
  readonly required: number;
  readonly flags: readonly string[];
  /** Options with a value, besides those that every command has. */
  readonly values?: readonly string[];
  /** Of those, the ones that must be given. */
  readonly needed?: readonly string[];
}

/** Every command that asks the login daemon has these. */
const VALUES = ['socket', 'config', 'cluster'] as const;

/**
 * @param words behind the command's name
 * @returns the options as yargs would give them, or undefined: yargs has to look at it
 */
export function readPlain(
  words: readonly string[],
  { positionals: names, required, flags, values: own = [], needed = [] }: PlainShape,
): Record<string, string | boolean> | undefined {
  const value = Object.fromEntries([...VALUES, ...own].map((name) => [name, { type: 'string' as const }]));
  const flag = Object.fromEntries(flags.map((name) => [name, { type: 'boolean' as const }]));
  try {
    const options = { ...value, ...flag };
    const { values, positionals, tokens } = parseArgs({
      args: [...words],
      options,
      allowPositionals: true,
      tokens: true,
    });
    const named = tokens.filter(({ kind }) => kind === 'option').length;
    const isPlain =
      named === Object.keys(values).length && tokens.every(({ kind }) => kind !== 'option-terminator');
    if (!isPlain || positionals.length < required || positionals.length > names.length) return undefined;
    if (needed.some((name) => values[name] === undefined)) return undefined;
    const given = positionals.map((word, index) => [names[index] as string, word]);
    return {
      ...Object.fromEntries(flags.map((name) => [name, false])),
      ...(values as Record<string, string | boolean>),
      ...(Object.fromEntries(given) as Record<string, string>),
    };
  } catch {
    return undefined;
  }
}
