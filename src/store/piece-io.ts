/** A chunk's bytes to and from its places in a file (pwrite, pread), on this thread or on the pool's. */
import { read, readSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Piece } from '../image/chunks.js';

const writeOnPool = promisify(write);
const readOnPool = promisify(read);

export function writePiecesSync(fd: number, body: Buffer, pieces: readonly Piece[]): void {
  let at = 0;
  for (const [offset, length] of pieces) {
    const end = at + length;
    const shift = offset - at;
    while (at < end) at += writeSync(fd, body, at, end - at, at + shift);
  }
}

export async function writePieces(fd: number, body: Buffer, pieces: readonly Piece[]): Promise<void> {
  let at = 0;
  for (const [offset, length] of pieces) {
    const end = at + length;
    const shift = offset - at;
    while (at < end) at += (await writeOnPool(fd, body, at, end - at, at + shift)).bytesWritten;
  }
}

export function readPiecesSync(fd: number, body: Buffer, pieces: readonly Piece[]): void {
  let at = 0;
  for (const [offset, length] of pieces) {
    const end = at + length;
    const shift = offset - at;
    while (at < end) at += some(readSync(fd, body, at, end - at, at + shift), at + shift);
  }
}

export async function readPieces(fd: number, body: Buffer, pieces: readonly Piece[]): Promise<void> {
  let at = 0;
  for (const [offset, length] of pieces) {
    const end = at + length;
    const shift = offset - at;
    while (at < end) at += some((await readOnPool(fd, body, at, end - at, at + shift)).bytesRead, at + shift);
  }
}

function some(bytes: number, offset: number): number {
  if (bytes === 0) throw new Error(`the file ends at ${offset}`);
  return bytes;
}
