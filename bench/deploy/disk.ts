/** A file system on the disk, for what does not fit into memory. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CleanupStack } from '../../src/base/lifecycle.js';
import { run } from '../layers/program.js';

/**
 * In a sparse file. Written past the page cache, which it would fill twice otherwise; without a journal, because nothing of
 * it outlives the trial.
 * @returns where it is mounted
 */
export async function mountDisk(bytes: number, cleanup: CleanupStack): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'tees-disk-'));
  cleanup.push("the disk's file", () => rmSync(directory, { recursive: true, force: true }));
  const [image, mounted] = [join(directory, 'image'), join(directory, 'mounted')];
  mkdirSync(mounted);
  writeFileSync(image, '');
  truncateSync(image, bytes);
  await run('mkfs.ext4', ['-q', '-O', '^has_journal', '-E', 'lazy_itable_init=1', image]);
  // What is removed gives its room back: each way fills the disk anew.
  await run('mount', ['-o', 'loop,discard', image, mounted]);
  cleanup.push('the disk', async () => void (await run('umount', [mounted])));
  const device = await run('losetup', ['--noheadings', '--output', 'NAME', '--associated', image]);
  await run('losetup', ['--direct-io=on', device.trim()]);
  return mounted;
}
