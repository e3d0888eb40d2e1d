/**
 * Shell patterns over paths: `*`, `?`, `[a-z]`, `[!a-z]` inside a name, and `**` for any number of names.
 * Patterns come from users and meet millions of paths: time is at most the product of the two lengths.
 */
import type { ByteString } from '../base/bytes.js';

type Element = { readonly any: true } | { readonly any: false; matches(item: string): boolean };

export function isPattern(text: string): boolean {
  return /[*?[]/.test(text);
}

/** @param pattern and paths without leading slash */
export function pathMatcher(pattern: string): (path: ByteString) => boolean {
  const names = pattern.split('/').map((name): Element => {
    if (name === '**') return { any: true };
    const characters = nameElements(name);
    return { any: false, matches: (item) => matchSequence(characters, [...item]) };
  });
  return (path) => matchSequence(names, path.split('/'));
}

function nameElements(name: string): Element[] {
  const elements: Element[] = [];
  for (const [token] of name.matchAll(/\*+|\[[!^]?\]?[^\]]*\]|[^]/g)) {
    if (token.startsWith('*')) elements.push({ any: true });
    else if (token === '?') elements.push({ any: false, matches: () => true });
    else if (token.length > 1) elements.push({ any: false, matches: characterClass(token.slice(1, -1)) });
    else elements.push({ any: false, matches: (item) => item === token });
  }
  return elements;
}

function characterClass(text: string): (item: string) => boolean {
  const negated = /^[!^]/.test(text);
  const ranges = [...(negated ? text.slice(1) : text).matchAll(/([^])-([^])|([^])/g)].map(
    ([, from, to, single]) => [single ?? from ?? '', single ?? to ?? ''] as const,
  );
  return (item) => ranges.some(([from, to]) => from <= item && item <= to) !== negated;
}

/** Greedy: only the last `any` is ever tried again, further on, which is enough. */
function matchSequence(pattern: readonly Element[], items: readonly string[]): boolean {
  let [at, item] = [0, 0];
  let retry: { at: number; item: number } | undefined;
  while (item < items.length) {
    const element = pattern[at];
    if (element?.any) {
      retry = { at, item };
      at++;
    } else if (element?.matches(items[item] as string)) {
      at++;
      item++;
    } else {
      if (!retry) return false;
      retry = { at: retry.at, item: retry.item + 1 };
      [at, item] = [retry.at + 1, retry.item];
    }
  }
  while (pattern[at]?.any) at++;
  return at === pattern.length;
}
