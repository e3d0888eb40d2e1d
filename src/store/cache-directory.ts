/**
 * The directory of the content cache (content-cache.ts): one file a content, named by its key and size. It outlives the
 * daemon, but not the boot: what the machine had not written out when it went down would be there under its name, and
 * empty.
 */
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { chunkDigest } from '../image/chunks.js';
import type { ContentKey } from './content-key.js';
import { storeError } from './store-error.js';

export interface KeptFile {
  readonly key: ContentKey;
  /** Holes included. */
  readonly size: number;
  readonly dataBytes: number;
}

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o400;
const BLOCK_BYTES = 512;
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const BOOT = 'boot';
const NAME = /^([0-9a-f]{64})-([0-9]{1,16})$/;

export class CacheDirectory {
  constructor(private readonly path: string) {}

  /** @param keep what an earlier daemon has kept in this boot; otherwise everything goes. @throws TeesError STORE_FAILED */
  open(keep: boolean): KeptFile[] {
    try {
      const boot = readFileSync(BOOT_ID_FILE, 'latin1');
      const isOfThisBoot = this.#bootId() === boot;
      if (!keep || !isOfThisBoot) rmSync(this.path, { recursive: true, force: true });
      if (!keep) return [];
      if (!isOfThisBoot) {
        mkdirSync(this.path, { recursive: true, mode: DIRECTORY_MODE });
        writeFileSync(`${this.path}/${BOOT}`, boot, { mode: FILE_MODE });
        return [];
      }
      return readdirSync(this.path).flatMap((name) => (name === BOOT ? [] : this.#look(name)));
    } catch (error) {
      throw storeError(error, this.path);
    }
  }

  pathOf({ key, size }: Pick<KeptFile, 'key' | 'size'>): string {
    return `${this.path}/${Buffer.from(key, 'latin1').toString('hex')}-${size}`;
  }

  /** Undefined when it is not there, or is something else by now. */
  read(file: KeptFile, digest: Buffer): Buffer | undefined {
    try {
      const bytes = readFileSync(this.pathOf(file));
      return chunkDigest(bytes).equals(digest) ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  /** @returns whether it is kept: where there is no room for it it is sent again */
  write(file: KeptFile, bytes: Buffer): boolean {
    const path = this.pathOf(file);
    try {
      writeFileSync(`${path}.new`, bytes, { mode: FILE_MODE });
      renameSync(`${path}.new`, path);
      return true;
    } catch {
      rmSync(`${path}.new`, { force: true });
      return false;
    }
  }

  #bootId(): string | undefined {
    try {
      return readFileSync(`${this.path}/${BOOT}`, 'latin1');
    } catch {
      return undefined;
    }
  }

  /** What is no such file, or not as long as its name says, goes. */
  #look(name: string): KeptFile[] {
    const path = `${this.path}/${name}`;
    const [, hex = '', size = ''] = NAME.exec(name) ?? [];
    const file = lstatSync(path);
    if (hex !== '' && file.isFile() && file.size === Number(size)) {
      const key = Buffer.from(hex, 'hex').toString('latin1') as ContentKey;
      return [{ key, size: file.size, dataBytes: Math.min(file.size, statSync(path).blocks * BLOCK_BYTES) }];
    }
    rmSync(path, { recursive: true, force: true });
    return [];
  }
}
