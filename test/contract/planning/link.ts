/** Makes small ELF files by the real linker: libraries and programs without code that needs anything. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface LinkOptions {
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  /** An executable with this dynamic loader ('' for a static one); otherwise a library. */
  readonly loader?: string;
  readonly flags?: readonly string[];
}

export const LOADER = '/lib64/ld-linux-x86-64.so.2';

/** A linker with a place for what it needs: one object file, and a stub for each needed name. */
export class Linker {
  readonly #object: string;

  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#object = join(directory, 'start.o');
    const source = '.globl _start\n_start:\n  mov $60, %eax\n  xor %edi, %edi\n  syscall\n';
    execFileSync('as', ['-o', this.#object, '-'], { input: source });
  }

  /** @returns the path */
  link(output: string, options: LinkOptions = {}): string {
    mkdirSync(dirname(output), { recursive: true });
    const { soname, rpath, runpath, loader } = options;
    const args = [
      ...(loader === undefined ? ['-shared'] : loader === '' ? [] : ['-dynamic-linker', loader]),
      ...(soname === undefined ? [] : ['-soname', soname]),
      ...(rpath === undefined ? [] : ['--disable-new-dtags', '-rpath', rpath]),
      ...(runpath === undefined ? [] : ['--enable-new-dtags', '-rpath', runpath]),
      ...(options.flags ?? []),
      '--no-as-needed',
      '--unresolved-symbols=ignore-all',
    ];
    const stubs = (options.needed ?? []).map((name) => this.#stub(name));
    // Without any library a program would not become a dynamic one.
    if (loader && stubs.length === 0) stubs.push(this.#stub('libc.so.6'));
    execFileSync('ld', [...args, '-o', output, this.#object, ...stubs]);
    return output;
  }

  #stub(soname: string): string {
    const stub = join(this.directory, `stub-${encodeURIComponent(soname)}`);
    if (!existsSync(stub)) {
      const source = `${stub}.s`;
      writeFileSync(source, '');
      execFileSync('as', ['-o', `${stub}.o`, source]);
      execFileSync('ld', ['-shared', '-soname', soname, '-o', stub, `${stub}.o`]);
    }
    return stub;
  }
}
