/** A new directory below the system's temporary directory; the test removes it. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function temporaryDirectory(name: string): string {
  return mkdtempSync(join(tmpdir(), `tees-${name}-`));
}
