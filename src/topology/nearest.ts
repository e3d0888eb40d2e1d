/** Finds what was probably meant by an unknown name, for the hints of error messages. */

/**
 * The candidates that differ from `name` by few typing errors, the best first.
 * @param limit how many at most
 */
export function nearest(name: string, candidates: Iterable<string>, limit = 3): string[] {
  const tolerance = Math.max(1, Math.min(3, Math.floor(name.length / 3)));
  const wanted = name.toLowerCase();
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) > tolerance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance <= tolerance) found.push({ candidate, distance });
  }
  found.sort((a, b) => a.distance - b.distance);
  return found.slice(0, limit).map((each) => each.candidate);
}

/** `Did you mean width?`, or nothing when no candidate is near. */
export function suggestion(name: string, candidates: Iterable<string>): string | undefined {
  const names = nearest(name, candidates);
  if (names.length === 0) return undefined;
  const last = names.pop() as string;
  return `Did you mean ${names.length > 0 ? `${names.join(', ')} or ` : ''}${last}?`;
}

/** Typing errors: a character more, less or other, or two neighbours swapped. One row at a time. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, (before[j - 2] as number) + 1);
      next.push(least);
    }
    before = row;
    row = next;
  }
  return row[b.length] as number;
}
