/** What a check of this machine has found, and how it is told. Pure. */
import { wrap } from '../../report/units.js';

export type Level = 'ok' | 'warn' | 'fail';

export interface Finding {
  readonly level: Level;
  readonly what: string;
  readonly value: string;
  /** What it means, or what to do; for `warn` and `fail` always. */
  readonly advice?: string;
}

export function ok(what: string, value: string, advice?: string): Finding {
  return { level: 'ok', what, value, ...(advice === undefined ? {} : { advice }) };
}

export function warn(what: string, value: string, advice: string): Finding {
  return { level: 'warn', what, value, advice };
}

export function fail(what: string, value: string, advice: string): Finding {
  return { level: 'fail', what, value, advice };
}

const WIDTH = 80;
const WHAT_WIDTH = 24;
const INDENT = 6;

/** Lines of at most 80 columns. Advice is shown where something is to be done. Ends with a newline. */
export function findingsText(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ level, what, value, advice }) => {
    const head = `${level.padEnd(INDENT)}${what.padEnd(WHAT_WIDTH)}`;
    const [first = '', ...rest] = wrap(value, WIDTH - INDENT - WHAT_WIDTH);
    const more = level === 'ok' || advice === undefined ? [] : wrap(advice, WIDTH - INDENT);
    return [
      head + first,
      ...rest.map((line) => ' '.repeat(INDENT + WHAT_WIDTH) + line),
      ...more.map((line) => ' '.repeat(INDENT) + line),
    ];
  });
  return `${lines.join('\n')}\n${summary(findings)}\n`;
}

function summary(findings: readonly Finding[]): string {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  if (count('fail') > 0) return `${count('fail')} of ${findings.length} checks failed`;
  return count('warn') > 0 ? `it will work; ${count('warn')} to look at` : 'all is well';
}
