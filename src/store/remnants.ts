/**
 * What an earlier daemon has left of a job's contents. A content that was renamed in was whole and verified, and is
 * taken as it is; of one that was still growing each chunk is hashed again, so that nothing needs to be written down
 * while chunks arrive. Whatever is no such file is removed, and will arrive anew.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, rmSync } from 'node:fs';
import { chunkLocation, verifyChunk } from '../image/chunks.js';
import { RESERVED_TOP_LEVEL_NAME } from '../image/manifest.js';
import type { Content, Manifest } from '../image/manifest.js';
import { readPieces } from './piece-io.js';

export interface Remnants {
  /** Contents. */
  readonly whole: readonly number[];
  /** Chunks of contents that are not. */
  readonly chunks: readonly number[];
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** @param directories as the store has them */
export async function findRemnants(
  manifest: Manifest,
  directories: { readonly contents: string; readonly incoming: string },
): Promise<Remnants> {
  const arrived = `${directories.contents}/${RESERVED_TOP_LEVEL_NAME}`;
  const whole = new Set(filesOf(arrived, manifest));
  const chunks: number[] = [];
  for (const content of filesOf(directories.incoming, manifest)) {
    if (whole.has(content)) rmSync(`${directories.incoming}/${content}`);
    else chunks.push(...(await heldChunks(`${directories.incoming}/${content}`, content, manifest)));
  }
  return { whole: [...whole], chunks };
}

/** Those that can be a content's file, by their numbers. The others are removed. */
function filesOf(directory: string, { contents }: Manifest): number[] {
  const found: number[] = [];
  for (const name of readdirSync(directory)) {
    const path = `${directory}/${name}`;
    const index = Number(name);
    const content = String(index) === name ? contents[index] : undefined;
    const file = lstatSync(path);
    if (content && file.isFile() && file.size === content.size) found.push(index);
    else rmSync(path, { recursive: true, force: true });
  }
  return found;
}

async function heldChunks(path: string, index: number, manifest: Manifest): Promise<number[]> {
  const { firstChunk, chunkCount } = manifest.contents[index] as Content;
  const held: number[] = [];
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (fstatSync(fd).blocks === 0) return held;
    for (let chunk = firstChunk; chunk < firstChunk + chunkCount; chunk++) {
      const { length, pieces } = chunkLocation(manifest, chunk);
      const bytes = Buffer.allocUnsafe(length);
      await readPieces(fd, bytes, pieces);
      if (verifyChunk(manifest, chunk, bytes)) held.push(chunk);
    }
  } finally {
    closeSync(fd);
  }
  return held;
}
