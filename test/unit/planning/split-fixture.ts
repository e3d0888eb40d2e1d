/** A layer and a node made of few bytes, to be split. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Split } from '../../../src/planning/split.js';
import type { SplitInput } from '../../../src/planning/split-layer.js';
import { splitLayer } from '../../../src/planning/split-layer.js';
import { syntheticElf } from '../elf/synthetic-elf.js';
import { emptyTrees, manifestOf } from './layer.js';

export const X86 = { elfClass: 64, littleEndian: true } as const;
export const LIBRARY = syntheticElf({ ...X86, dynamic: [] });

/** A program with a loader and what it needs. */
export function programOf(...needed: string[]): Buffer {
  const dynamic = needed.map((name) => [1, name] as const);
  return syntheticElf({ ...X86, interpreter: '/lib64/ld.so', dynamic });
}
export const STATIC = syntheticElf({ ...X86, type: 2 });

export class Layer {
  readonly upper: string;
  readonly root: string;

  constructor(t: ExecutionContext) {
    ({ upper: this.upper, root: this.root } = emptyTrees(t));
  }

  file(path: string, content: Buffer | string = 'x', mode = 0o644, tree: 'upper' | 'root' = 'upper'): this {
    const full = join(this[tree], path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    chmodSync(full, mode);
    return this;
  }

  program(path: string, content: Buffer | string = STATIC, tree: 'upper' | 'root' = 'upper'): this {
    return this.file(path, content, 0o755, tree);
  }

  split(argv: readonly string[], input: Partial<SplitInput> = {}): Promise<Split> {
    return splitLayer({
      source: { manifest: manifestOf(this.upper) },
      upper: this.upper,
      root: this.root,
      argv,
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
      urgentPaths: [],
      engineReportsHoles: true,
      ...input,
    });
  }
}

export const told = (split: Split): string[] =>
  split.urgent.map(({ path, reason, neededBy }) => `${path}: ${reason} for ${neededBy}`);
export const paths = (split: Split): string[] => split.urgent.map(({ path }) => path);
