/** Configurations for tests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { TeesError } from '../../../src/base/errors.js';

/** As little as a configuration may say. */
export const MINIMAL = `cluster: demo
login: { name: login }
groups:
  - { proxy: cn0, slaves: "cn[1-7]" }
`;

/** A directory with these files; it goes when the test ends. */
export function directoryWith(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'tees-config-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  return directory;
}

/** The error for the user that `run` must throw. */
export function refusal(run: () => unknown): TeesError {
  try {
    run();
  } catch (error) {
    if (error instanceof TeesError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
