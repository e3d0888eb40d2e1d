/** What the launcher says on its descriptor 3 (native/launch/report.h), and what it means to a user. */
import { constants } from 'node:os';
import { TeesError } from '../base/errors.js';

const HEADER_BYTES = 5;
const MESSAGE_MAX_BYTES = 64 * 1024;

export type LauncherMessage =
  | { readonly kind: 'running' }
  | { readonly kind: 'left-out'; readonly path: string; readonly errno: number }
  | { readonly kind: 'failed'; readonly what: string; readonly path: string; readonly errno: number };

/** Cuts a stream of bytes into messages. */
export class LauncherMessageReader {
  #pending = Buffer.alloc(0);

  /** @throws TeesError ENVIRONMENT_FAILED when it is no message */
  push(bytes: Buffer): LauncherMessage[] {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const messages: LauncherMessage[] = [];
    for (;;) {
      if (this.#pending.length < HEADER_BYTES) return messages;
      const length = this.#pending.readUInt32LE(1);
      if (length > MESSAGE_MAX_BYTES) throw malformed();
      if (this.#pending.length < HEADER_BYTES + length) return messages;
      const fields = this.#pending.toString('utf8', HEADER_BYTES, HEADER_BYTES + length).split('\0');
      messages.push(parse(String.fromCharCode(this.#pending.readUInt8(0)), fields));
      this.#pending = this.#pending.subarray(HEADER_BYTES + length);
    }
  }
}

function parse(kind: string, fields: readonly string[]): LauncherMessage {
  const [first = '', second = '', third = ''] = fields;
  if (kind === 'R') return { kind: 'running' };
  if (kind === 'N') return { kind: 'left-out', path: first, errno: Number(second) };
  if (kind === 'E') return { kind: 'failed', what: first, path: second, errno: Number(third) };
  throw malformed();
}

function malformed(): TeesError {
  return new TeesError('ENVIRONMENT_FAILED', 'the launcher said something unintelligible');
}

export function describeLeftOut(message: { readonly path: string; readonly errno: number }): string {
  return `${message.path} is not shown in the environment: ${errnoName(message.errno)}`;
}

/** @param command as the user typed it */
export function failureToError(
  failure: { readonly what: string; readonly path: string; readonly errno: number },
  command: string,
): TeesError {
  const { what, path, errno } = failure;
  const name = errnoName(errno);
  const context = path === '' ? {} : { path };
  if (what === 'execute' && (name === 'ENOENT' || name === 'ENOTDIR')) {
    return new TeesError('COMMAND_NOT_FOUND', `no program '${command}' in the environment`, {
      ...context,
      hint: command.includes('/')
        ? 'The path is looked up inside the environment on the node.'
        : 'It is looked up along PATH, inside the environment on the node.',
    });
  }
  if (what === 'find the interpreter') {
    return new TeesError('COMMAND_NOT_EXECUTABLE', `the interpreter of '${command}' does not exist`, {
      ...context,
      hint: "Look at the file's first line, or with file(1) for its dynamic loader.",
    });
  }
  if (what === 'execute' && NOT_EXECUTABLE.has(name)) {
    return new TeesError('COMMAND_NOT_EXECUTABLE', `'${command}' cannot be executed: ${name}`, {
      ...context,
      hint: NOT_EXECUTABLE.get(name) as string,
    });
  }
  const hint = HINTS.find(([step, code]) => step === what && (code === undefined || code === name))?.[2];
  return new TeesError('ENVIRONMENT_FAILED', `cannot ${what}: ${name}`, {
    ...context,
    ...(hint === undefined ? {} : { hint }),
  });
}

const NOT_EXECUTABLE: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'It needs the permission to be executed, for this user, as does every directory above it.'],
  ['ENOEXEC', "It is neither a program for this machine nor a script with a '#!' line."],
  ['EISDIR', 'It is a directory.'],
  ['ELIBBAD', 'Its interpreter is not a program for this machine.'],
  ['ELOOP', 'Its symbolic links, or the interpreters of its interpreter, lead in a circle.'],
  ['ETXTBSY', 'Something holds it open for writing.'],
]);

/** What was tried, the error (any when undefined), what to do. */
const HINTS: readonly (readonly [what: string, code: string | undefined, hint: string])[] = [
  [
    'mount the overlay',
    'ELOOP',
    'store.directory must be on another file system than /, a tmpfs for example.',
  ],
  ['mount the overlay', 'ENODEV', 'The kernel has no overlayfs: load the module overlay.'],
  ['mount the overlay', undefined, "The kernel's log (dmesg) says which layer or option it refused."],
  [
    'create the namespaces',
    'EPERM',
    'The daemon must run as root, outside of containers without that right.',
  ],
  ['execute', 'EIO', 'Its contents did not arrive: the job was ended or lost its source.'],
  ['execute', 'E2BIG', 'The command line and the environment are too long for the kernel.'],
];

function errnoName(errno: number): string {
  const found = Object.entries(constants.errno).find(([, value]) => value === errno);
  return found ? found[0] : (EXTRA_NAMES.get(errno) ?? `errno ${errno}`);
}

/** Those that Node does not list. */
const EXTRA_NAMES: ReadonlyMap<number, string> = new Map([
  [80, 'ELIBBAD'],
  [107, 'ENOTCONN'],
]);
