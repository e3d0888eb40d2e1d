/**
 * What launcher and daemon say to each other (native/launch/launch.h, report.h), and what it means to a user.
 * A frame: u8 kind, u32 bytes that follow, little-endian, then those.
 */
import { constants } from 'node:os';
import { TeesError } from '../base/errors.js';

const HEADER_BYTES = 5;
const MESSAGE_MAX_BYTES = 64 * 1024;
const HELLO_BYTES = 37;
/** LAUNCHER_VERSION of native/launch/launch.h. */
export const LAUNCHER_VERSION = 2;

export type OutputStream = 'stdout' | 'stderr';
const OUTPUT_STREAMS: readonly OutputStream[] = ['stdout', 'stderr'];

/** Where things stand when a daemon begins to listen. Positions count bytes from the task's start. */
export interface LauncherHello {
  readonly kind: 'hello';
  /** The launcher's. */
  readonly pid: number;
  /** Of the first byte of each stream that this daemon gets. */
  readonly outputFrom: Readonly<Record<OutputStream, number>>;
  /** Bytes of input that reached the launcher; and how many of them the task has not been given yet. */
  readonly inputReceived: number;
  readonly inputUntaken: number;
  readonly inputClosed: boolean;
}

export type LauncherMessage =
  | LauncherHello
  | { readonly kind: 'running' }
  | { readonly kind: 'left-out'; readonly path: string; readonly errno: number }
  | { readonly kind: 'failed'; readonly what: string; readonly path: string; readonly errno: number }
  | { readonly kind: 'output'; readonly stream: OutputStream; readonly bytes: Buffer }
  | { readonly kind: 'input-taken'; readonly bytes: number }
  | { readonly kind: 'input-closed' }
  | { readonly kind: 'exit'; readonly status: number };

/** Cuts a stream of bytes into messages. */
export class LauncherMessageReader {
  #pending: Buffer = Buffer.alloc(0);

  /** @throws TeesError ENVIRONMENT_FAILED when it is no message */
  push(bytes: Buffer): LauncherMessage[] {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    const messages: LauncherMessage[] = [];
    for (;;) {
      if (this.#pending.length < HEADER_BYTES) return messages;
      const length = this.#pending.readUInt32LE(1);
      if (length > MESSAGE_MAX_BYTES) throw malformed();
      const end = HEADER_BYTES + length;
      if (this.#pending.length < end) return messages;
      const kind = String.fromCharCode(this.#pending.readUInt8(0));
      messages.push(parse(kind, this.#pending.subarray(HEADER_BYTES, end)));
      this.#pending = this.#pending.subarray(end);
    }
  }
}

const PARSERS: Readonly<Record<string, (payload: Buffer) => LauncherMessage>> = {
  H: parseHello,
  R: () => ({ kind: 'running' }),
  N: (payload) => {
    const [path = '', errno] = textsOf(payload);
    return { kind: 'left-out', path, errno: Number(errno) };
  },
  E: (payload) => {
    const [what = '', path = '', errno] = textsOf(payload);
    return { kind: 'failed', what, path, errno: Number(errno) };
  },
  O: (payload) => {
    const stream = OUTPUT_STREAMS[(payload[0] ?? 0) - 1];
    if (!stream) throw malformed();
    return { kind: 'output', stream, bytes: payload.subarray(1) };
  },
  A: (payload) => ({ kind: 'input-taken', bytes: exactly(4, payload).readUInt32LE(0) }),
  B: () => ({ kind: 'input-closed' }),
  X: (payload) => ({ kind: 'exit', status: exactly(1, payload).readUInt8(0) }),
};

function parse(kind: string, payload: Buffer): LauncherMessage {
  const parser = PARSERS[kind];
  if (!parser) throw malformed();
  return parser(payload);
}

function parseHello(payload: Buffer): LauncherHello {
  const version = payload.length >= 4 ? payload.readUInt32LE(0) : 0;
  if (version !== LAUNCHER_VERSION || payload.length !== HELLO_BYTES) throw otherVersion();
  return {
    kind: 'hello',
    pid: payload.readUInt32LE(4),
    inputUntaken: payload.readUInt32LE(8),
    outputFrom: {
      stdout: Number(payload.readBigUInt64LE(12)),
      stderr: Number(payload.readBigUInt64LE(20)),
    },
    inputReceived: Number(payload.readBigUInt64LE(28)),
    inputClosed: payload.readUInt8(36) !== 0,
  };
}

function exactly(bytes: number, payload: Buffer): Buffer {
  if (payload.length !== bytes) throw malformed();
  return payload;
}

function textsOf(payload: Buffer): string[] {
  return payload.toString('utf8').split('\0');
}

function otherVersion(): TeesError {
  return new TeesError('ENVIRONMENT_FAILED', 'the launcher is of another version of TEES than the daemon', {
    hint: 'Its job is ended. Build or install launcher and daemon together, and upgrade nodes without jobs.',
  });
}

function malformed(): TeesError {
  return new TeesError('ENVIRONMENT_FAILED', 'the launcher said something unintelligible');
}

/** What a daemon says. */
export const toLauncher = {
  signal: (number: number): Buffer => frame('S', Buffer.of(number)),
  kill: (): Buffer => frame('K'),
  retireHook: (): Buffer => frame('R'),
  input: (bytes: Buffer): Buffer => frame('I', bytes),
  inputEnd: (): Buffer => frame('i'),
  outputTaken: (stream: OutputStream, bytes: number): Buffer => {
    const payload = Buffer.alloc(5);
    payload.writeUInt8(OUTPUT_STREAMS.indexOf(stream) + 1);
    payload.writeUInt32LE(bytes, 1);
    return frame('a', payload);
  },
  exitTaken: (): Buffer => frame('T'),
};

function frame(kind: string, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(kind);
  header.writeUInt32LE(payload.length, 1);
  return Buffer.concat([header, payload]);
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
