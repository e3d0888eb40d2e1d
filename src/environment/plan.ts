/**
 * The launcher's plan: which operations it executes, in which order, with which strings. Pure.
 * The codes and the format are those of native/launch/plan.h.
 */
import { basename, dirname, isAbsolute, join } from 'node:path';
import { TeesError, assert, usageError } from '../base/errors.js';
import { COMMAND_ARGUMENTS_MAX_BYTES } from '../base/limits.js';
import type { LayoutName } from '../config/config.js';
import { ByteWriter } from './byte-writer.js';
import type { EnvironmentSpec, Identity, JobDirectories, Limits, TaskSpec } from './environment.js';

const MAGIC = 0x314c5054; // "TPL1"
const ID_MAX = 0xfffffffe;

const CODES = {
  identity: 2,
  enter: 3,
  overlay: 4,
  hide: 5,
  exclude: 6,
  attach: 7,
  proc: 8,
  cover: 9,
  pivot: 10,
  environment: 11,
  directory: 12,
  run: 13,
  guard: 14,
  hook: 15,
  trace: 16,
  filter: 17,
  limits: 18,
} as const;

export interface Operation {
  readonly name: keyof typeof CODES;
  readonly strings: readonly string[];
}

/**
 * The lower layers, as overlayfs' option takes them. Relative to the job's directory: so no path needs escaping
 * and none shows in the environment's /proc/self/mountinfo.
 */
const LAYOUTS: Readonly<Record<LayoutName, string>> = {
  /** Linux 5.15 and later. Contents and what is served are layers like others; a whiteout hides `/.tees`. */
  stacked: 'names:contents:served:/',
  /** Linux 6.5 and later: they hold data only, and no name is ever looked up in them. */
  'data-only': 'names:/::contents::served',
};

/**
 * `index` and `xino` are set because their defaults are the kernel's builder's choice. No index: it needs file
 * handles, which a serving hook has not.
 */
const OVERLAY_OPTIONS = 'upperdir=upper,workdir=work,metacopy=on,redirect_dir=on,index=off,xino=auto';

/** @throws TeesError LAYOUT_UNKNOWN, COMMAND_INVALID, COMMAND_TOO_LONG, IDENTITY_INVALID */
export function planEnvironment(environment: EnvironmentSpec, task: TaskSpec): readonly Operation[] {
  const { directories, identity } = environment;
  checkDirectories(directories);
  return [
    operation('identity', identityStrings(identity)),
    operation('trace', [String(environment.traceMs ?? 0)]),
    operation('limits', limitStrings(environment.limits)),
    operation('enter', [directories.root]),
    operation('guard', []),
    operation('overlay', [
      overlaySource(directories),
      `lowerdir=${lowerLayers(environment.layout)},${OVERLAY_OPTIONS}`,
    ]),
    operation('hide', [directories.root, ...(environment.hidden ?? [])]),
    // Other jobs' hooks: a copy of their mounts would keep them alive in here.
    operation('exclude', [dirname(directories.root)]),
    operation('attach', environment.bind),
    operation('proc', task.resident ? ['node'] : []),
    operation('cover', []),
    ...(environment.hookDirectory === undefined ? [] : [operation('hook', [environment.hookDirectory])]),
    operation('pivot', []),
    operation('environment', environmentStrings(task.env)),
    operation('filter', environment.allow),
    operation('directory', [workingDirectory(task.cwd)]),
    operation('run', task.resident ? [] : commandStrings(task.argv)),
  ];
}

function limitStrings({ root, name, memoryBytes, processes }: Limits): string[] {
  return [root, name, String(memoryBytes ?? ''), String(processes ?? '')];
}

/** What df(1) shows, and an administrator who looks for what a job has mounted. */
export function overlaySource(directories: JobDirectories): string {
  return `tees-${basename(directories.root)}`;
}

/** As the launcher reads it from its descriptor 3. */
export function encodePlan(plan: readonly Operation[]): Buffer {
  const writer = new ByteWriter().u32(MAGIC);
  for (const { name, strings } of plan) {
    writer.u8(CODES[name]).u32(strings.length);
    for (const text of strings) writer.blob(Buffer.from(text, 'utf8')).u8(0);
  }
  const body = writer.finish();
  const size = Buffer.alloc(4);
  size.writeUInt32LE(body.length);
  return Buffer.concat([size, body]);
}

function operation(name: Operation['name'], strings: readonly string[]): Operation {
  return { name, strings };
}

function lowerLayers(layout: LayoutName): string {
  const layers = LAYOUTS[layout] as string | undefined;
  if (layers !== undefined) return layers;
  throw usageError('LAYOUT_UNKNOWN', `no layout '${layout}'`, {
    hint: `Known layouts: ${Object.keys(LAYOUTS).join(', ')}.`,
  });
}

/** The layers and the stage are named by the overlay's options, not by the plan. */
function checkDirectories(directories: JobDirectories): void {
  assert(isAbsolute(directories.root), 'the job has an absolute directory');
  for (const name of ['names', 'contents', 'served', 'upper', 'work', 'stage'] as const)
    assert(directories[name] === join(directories.root, name), `the directory '${name}' is where it belongs`);
}

function identityStrings(identity: Identity): string[] {
  const ids = [identity.uid, identity.gid, ...identity.groups];
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 0 || id > ID_MAX)
      throw new TeesError('IDENTITY_INVALID', `${id} is no user's or group's number`);
  }
  return ids.map(String);
}

function environmentStrings(variables: Readonly<Record<string, string>>): string[] {
  const strings = Object.entries(variables).map(([name, value]) => {
    if (name === '' || name.includes('=')) refuse(`the environment variable '${name}'`);
    return `${name}=${value}`;
  });
  return checkStrings(strings, 'the environment');
}

function workingDirectory(directory: string): string {
  checkStrings([directory], 'the working directory');
  return isAbsolute(directory) ? directory : '/';
}

function commandStrings(argv: readonly string[]): readonly string[] {
  if (argv.length === 0 || argv[0] === '') refuse('an empty command');
  return checkStrings(argv, 'the command');
}

function checkStrings<Strings extends readonly string[]>(strings: Strings, what: string): Strings {
  let bytes = 0;
  for (const text of strings) {
    if (text.includes('\0')) refuse(`${what} with a NUL`);
    bytes += Buffer.byteLength(text) + 1;
  }
  if (bytes <= COMMAND_ARGUMENTS_MAX_BYTES) return strings;
  throw usageError('COMMAND_TOO_LONG', `${what} has ${bytes} bytes`, {
    hint: `At most ${COMMAND_ARGUMENTS_MAX_BYTES} are possible; put long lists into a file.`,
  });
}

function refuse(what: string): never {
  throw usageError('COMMAND_INVALID', `${what} cannot be passed to a program`);
}
