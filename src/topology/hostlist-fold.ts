/** The inverse of `parseHostlist`: names written as a short list, `cn[0-15,20],login`. */
import { HOSTLIST_DIGITS_MAX } from '../base/limits.js';

/** A name, or several that differ in their numbers: literals and numbers in turn. */
interface Pattern {
  readonly literals: readonly string[];
  /** As text: `7`, `007`, and after folding `0-3,7`. One fewer than literals. */
  readonly numbers: string[];
}

/**
 * The shortest usual way to write these names: names of one pattern together, in numeric order.
 * `parseHostlist` gives the same names back.
 */
export function foldHostlist(names: readonly string[]): string {
  const patterns = names.map(splitName).sort(comparePatterns);
  const most = patterns.reduce((max, { numbers }) => Math.max(max, numbers.length), 0);
  let folded = patterns;
  // The last number counts fastest, so ranges grow there first; then equal ranges merge one place further left.
  for (let fromEnd = 1; fromEnd <= most; fromEnd++) folded = foldPlace(folded, fromEnd);
  return folded.map(writePattern).join(',');
}

function splitName(name: string): Pattern {
  const literals = [''];
  const numbers: string[] = [];
  for (const token of name.match(/[0-9]+|[^0-9]+/g) ?? []) {
    if (/^[0-9]/.test(token) && token.length <= HOSTLIST_DIGITS_MAX) {
      numbers.push(token);
      literals.push('');
    } else {
      literals[literals.length - 1] += token;
    }
  }
  return { literals, numbers };
}

function comparePatterns(a: Pattern, b: Pattern): number {
  const most = Math.max(a.literals.length, b.literals.length);
  for (let i = 0; i < most; i++) {
    const [x, y] = [a.literals[i] ?? '', b.literals[i] ?? ''];
    if (x !== y) return x < y ? -1 : 1;
  }
  if (a.numbers.length !== b.numbers.length) return a.numbers.length - b.numbers.length;
  for (const [i, text] of a.numbers.entries()) {
    const other = b.numbers[i] as string;
    if (text !== other) return Number(text) - Number(other) || text.length - other.length;
  }
  return 0;
}

/** Merges neighbours that differ in one place only. Neighbours only, so that the order stays. */
function foldPlace(patterns: readonly Pattern[], fromEnd: number): Pattern[] {
  const folded: Pattern[] = [];
  let run: string[] = [];
  let open: Pattern | undefined;
  const close = (): void => {
    if (open) open.numbers[open.numbers.length - fromEnd] = foldNumbers(run);
    open = undefined;
  };
  for (const pattern of patterns) {
    const place = pattern.numbers.length - fromEnd;
    if (open && place >= 0 && differOnlyAt(open, pattern, place)) {
      run.push(pattern.numbers[place] as string);
      continue;
    }
    close();
    folded.push(pattern);
    if (place < 0) continue;
    open = pattern;
    run = [pattern.numbers[place] as string];
  }
  close();
  return folded;
}

function differOnlyAt(a: Pattern, b: Pattern, place: number): boolean {
  return (
    a.numbers.length === b.numbers.length &&
    a.literals.every((literal, i) => literal === b.literals[i]) &&
    a.numbers.every((text, i) => i === place || text === b.numbers[i])
  );
}

function foldNumbers(texts: readonly string[]): string {
  const ranges: string[] = [];
  for (let i = 0; i < texts.length;) {
    const first = texts[i] as string;
    let next = i + 1;
    while (texts[next] === String(Number(first) + next - i).padStart(first.length, '0')) next++;
    ranges.push(next - i === 1 ? first : `${first}-${texts[next - 1] as string}`);
    i = next;
  }
  return ranges.join(',');
}

function writePattern({ literals, numbers }: Pattern): string {
  return literals
    .map((literal, i) => {
      const number = numbers[i];
      if (number === undefined) return literal;
      return literal + (/[-,]/.test(number) ? `[${number}]` : number);
    })
    .join('');
}
