/** How figures and long names are written in everything that a person reads of a job. */

const STEPS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Three digits that matter, decimal units: `0 B`, `41.2 MB`, `339 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= 999.5 && step < STEPS.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${step === 0 ? value.toFixed(0) : threeDigits(value)} ${STEPS[step]}`;
}

/** `0.61 s`, `12.4 s`, `125 s`. */
export function formatSeconds(seconds: number): string {
  return `${seconds < 9.995 ? seconds.toFixed(2) : threeDigits(seconds)} s`;
}

/** What may take milliseconds: `0.24 ms`, `12.4 ms`; from a tenth of a second on as `formatSeconds` does. */
export function formatShort(seconds: number): string {
  return seconds < 0.0995 ? `${threeDigits(seconds * 1000)} ms` : formatSeconds(seconds);
}

function threeDigits(value: number): string {
  return value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

export function formatCount(count: number, noun: string): string {
  return `${count.toLocaleString('en-GB')} ${noun}${count === 1 ? '' : 's'}`;
}

/** At most `width` columns; what is too long loses its middle, because a path's end says most. */
export function fit(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  if (width <= 1) return characters.slice(0, Math.max(0, width)).join('');
  const head = Math.floor((width - 1) / 3);
  return (
    characters.slice(0, head).join('') +
    '…' +
    characters.slice(characters.length - (width - 1 - head)).join('')
  );
}

/** `a, b, c and 13 more`. */
export function someOf(names: readonly string[], shown: number): string {
  const more = names.length - shown;
  return names.slice(0, shown).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** `text` in lines of at most `width` columns, broken at spaces; a word that is longer loses its middle. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? fit(word, width) : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
