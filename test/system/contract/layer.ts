/** The directories in which the operations are tried: what the layer has, over what the node itself has there. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { native } from '../../../src/base/native.js';
import { compile } from '../../support/compile.js';
import { makeWhiteout } from '../../support/special-layer.js';
import { USER } from '../environment/fixture.js';

const HERE = 'test/system/contract';
const SOURCES = ['operations', 'reading', 'opening', 'naming', 'changing', 'processes'];
const LARGE_BYTES = 300_000;
const SMALL_BYTES = 5_000;
const SPARSE_BYTES = 1 << 20;
const SPARSE_DATA_AT = SPARSE_BYTES / 2;
const LAYER_TIME_S = 1_500_000_000;
/** For both instruction sets, without a C library: it need not be there. */
const STATIC_PROGRAM = `
void _start(void) {
#ifdef __x86_64__
  __asm__ volatile("syscall" : : "a"(231), "D"(6));
#else
  register long number __asm__("x8") = 94, status __asm__("x0") = 6;
  __asm__ volatile("svc 0" : : "r"(number), "r"(status));
#endif
}`;

/** Late by seconds, so that whoever opens it can be killed before. */
export const LATE_FILE = 'late';
/** Comes without having been asked for, a moment after the cue: to whom cannot ask. */
export const UNASKED_FILE = 'unasked';
export const CUE_FILE = 'cue';
const SMALL_FILES = ['other', 'theirs', 'below/inner', 'merged/layer', 'opaque/new', 'replaced'];

/** A directory in which the programs lie that are compiled. */
export async function compilePrograms(directory: string): Promise<void> {
  await compile(
    join(directory, 'operations'),
    SOURCES.map((name) => `${HERE}/${name}.c`),
    ['-O1', '-Wno-nonnull'],
  );
  await compile(join(directory, 'program'), [`${HERE}/program.c`]);
  build(directory, 'library.so', 'int answer(void) { return 42; }', '-shared', '-fPIC');
  build(directory, 'static', STATIC_PROGRAM, '-static', '-nostdlib', '-no-pie', '-ffreestanding');
}

function build(directory: string, name: string, source: string, ...flags: string[]): void {
  const input = { input: source, stdio: ['pipe', 'inherit', 'inherit'] as ('pipe' | 'inherit')[] };
  execFileSync('gcc', ['-x', 'c', '-', '-o', join(directory, name), ...flags], input);
}

/** @param node the directory on the node's own root, below which the operations have theirs, by their number */
export function fillNode(node: string, operations: readonly string[]): void {
  for (const number of operations.keys()) {
    const here = join(node, `${number}`);
    for (const name of ['hidden', 'hidden-directory/old', 'opaque/old', 'merged/node', 'replaced/old']) {
      mkdirSync(dirname(join(here, name)), { recursive: true });
      writeFileSync(join(here, name), `${name} of the node`);
    }
  }
  execFileSync('chown', ['-R', `${USER}:${USER}`, node]);
  execFileSync('chmod', ['-R', 'u+rwX,a+rX', node]);
}

/** @param upper the layer's root, in which the directory `node` gets what is changed in it */
export function fillLayer(
  upper: string,
  node: string,
  programs: string,
  operations: readonly string[],
): void {
  const layer = join(upper, node);
  mkdirSync(layer, { recursive: true });
  for (const [number, operation] of operations.entries()) {
    const here = join(layer, `${number}`);
    mkdirSync(here);
    fillOne(here, join(node, `${number}`), programs, operation);
  }
  chmodSync(dirname(layer), 0o1777);
  execFileSync('chown', ['-hR', `${USER}:${USER}`, layer]);
  for (const number of operations.keys()) chownSync(join(layer, `${number}`, 'theirs'), 0, 0);
  // Last: what is made in a directory changes its time.
  execFileSync('find', [layer, '-exec', 'touch', '-h', '-d', `@${LAYER_TIME_S}`, '{}', '+']);
}

function fillOne(here: string, inside: string, programs: string, operation: string): void {
  const text = (name: string, bytes: number): string =>
    `${name} ${operation} `.repeat(bytes / 10).slice(0, bytes);
  const write = (name: string, data: string | Buffer, mode = 0o644): void => {
    mkdirSync(dirname(join(here, name)), { recursive: true });
    writeFileSync(join(here, name), data);
    chmodSync(join(here, name), mode);
  };
  write('file', text('file', LARGE_BYTES));
  native().setXattr(Buffer.from(join(here, 'file')), Buffer.from('user.colour'), Buffer.from('blue'));
  for (const name of [...SMALL_FILES, LATE_FILE, CUE_FILE, UNASKED_FILE])
    write(name, text(name, SMALL_BYTES));
  write('closed', text('closed', SMALL_BYTES), 0);
  write('empty', '');
  writeSparse(join(here, 'sparse'), text('sparse', 4096));
  write('hard-1', text('hard', SMALL_BYTES));
  linkSync(join(here, 'hard-1'), join(here, 'hard-2'));
  write('script', `#!/bin/sh\necho ran\nexit 7\n# ${text('script', SMALL_BYTES)}`, 0o755);
  write('text', `exit 4\n# ${text('text', SMALL_BYTES)}`, 0o755);
  write('nonsense', Buffer.from(`\0\x01${text('nonsense', SMALL_BYTES)}`), 0o755);
  write('interpreted', `#!${inside}/program 8\n# ${text('interpreted', SMALL_BYTES)}`, 0o755);
  for (const name of ['program', 'library.so', 'static']) {
    copyFileSync(join(programs, name), join(here, name));
    // Equal files would be one content.
    write(name, Buffer.concat([readFileSync(join(here, name)), Buffer.from(operation)]), 0o755);
  }
  const links = { symlink: 'file', chain: 'symlink', dangling: 'nothing', loop: 'loop' };
  const more = { 'directory-link': 'below', 'program-link': 'program' };
  for (const [name, target] of Object.entries({ ...links, ...more })) symlinkSync(target, join(here, name));
  makeWhiteout(join(here, 'hidden'));
  makeWhiteout(join(here, 'hidden-directory'));
  const opaque = Buffer.from(join(here, 'opaque'));
  native().setXattr(opaque, Buffer.from('trusted.overlay.opaque'), Buffer.from('y'));
}

function writeSparse(path: string, data: string): void {
  const fd = openSync(path, 'w', 0o644);
  writeSync(fd, data, SPARSE_DATA_AT);
  ftruncateSync(fd, SPARSE_BYTES);
  closeSync(fd);
}
