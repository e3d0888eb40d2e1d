/** Horizontal bars out of characters, exact to an eighth of a column where Unicode is available. */

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

export interface BarStyle {
  readonly unicode: boolean;
  /** The character of a full column, where it is not the solid block. */
  readonly fill?: string;
}

/**
 * A bar from `start` to `end` of `total`, padded to `width` columns. Something that is not nothing is seen:
 * the bar of a positive length has at least one column.
 */
export function bar(start: number, end: number, total: number, width: number, style: BarStyle): string {
  const scale = total > 0 ? width / total : 0;
  const from = Math.min(Math.max(0, Math.floor(start * scale)), width - 1);
  const to = Math.min(Math.max(0, end * scale), width);
  if (end <= start) return ' '.repeat(width);
  const exact = style.unicode && style.fill === undefined;
  const whole = exact ? Math.floor(to + 1e-9) : Math.round(to);
  const eighth = exact ? (EIGHTHS[Math.floor((to - whole) * 8)] ?? '') : '';
  const full = (style.fill ?? (style.unicode ? '█' : '#')).repeat(Math.max(0, whole - from));
  const drawn = full + eighth || (style.unicode ? '▏' : '|');
  return (' '.repeat(from) + drawn).padEnd(width).slice(0, width);
}
