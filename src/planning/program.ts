/**
 * What the kernel and the dynamic loader open when a command starts: its file, interpreters of scripts, the
 * loader and the libraries; and what launchers such as env, nice or mpirun start in turn. Nothing is executed.
 */
import type { ByteString } from '../base/bytes.js';
import { display, fromText } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';
import {
  ARGUMENT_URGENT_MAX_BYTES,
  PROGRAMS_FOLLOWED_MAX,
  SCRIPT_DEPTH_MAX,
  SCRIPT_LINE_MAX_BYTES,
} from '../base/limits.js';
import type { ElfFile } from '../elf/elf-file.js';
import { parseElf } from '../elf/elf-file.js';
import type { MissingLibrary } from '../elf/closure.js';
import { dependencyClosure } from '../elf/closure.js';
import type { ExecContext } from './command.js';
import { uncoveredReason } from './coverage.js';
import { absolutePath, resolveCommand, searchCommand } from './command.js';
import type { EnvironmentView, FileInView } from './environment-view.js';
import { launchedBy } from './launchers.js';
import { parseShebang } from './shebang.js';
import type { MissingFile, UrgentReason } from './split.js';
import type { UrgentSet } from './urgent-set.js';

export const COMMAND_LINE = fromText('command line');
const SHELL = fromText('/bin/sh');

/** @throws TeesError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE */
export function addCommand(
  view: EnvironmentView,
  urgent: UrgentSet,
  argv: readonly ByteString[],
  context: ExecContext,
): void {
  const starter = new Starter(view, urgent);
  const file = resolveCommand(view, argv[0] ?? ('' as ByteString), context);
  starter.exec(file, { argv, context, reason: 'command', neededBy: COMMAND_LINE, depth: 0, required: true });
  for (const argument of argv.slice(1)) starter.addArgument(argument, context);
}

/** How one program comes to be started. */
interface Start {
  readonly argv: readonly ByteString[];
  readonly context: ExecContext;
  readonly reason: UrgentReason;
  readonly neededBy: ByteString;
  /** Scripts that the kernel has followed to get here. */
  readonly depth: number;
  /** Whether the job cannot start at all without it; otherwise who starts it complains when it runs. */
  readonly required: boolean;
}

class Starter {
  /** Launchers and arguments may name a program twice, or each other. */
  readonly #followed = new Set<string>();

  constructor(
    private readonly view: EnvironmentView,
    private readonly urgent: UrgentSet,
  ) {}

  exec(file: FileInView, start: Start): void {
    this.urgent.add(file, start.reason, start.neededBy);
    const loaderVariables = [start.context.env['LD_LIBRARY_PATH'], start.context.env['LD_PRELOAD']];
    const key = [file.path, ...loaderVariables, ...start.argv].join('\0');
    if (this.#followed.has(key) || this.#followed.size >= PROGRAMS_FOLLOWED_MAX) return;
    this.#followed.add(key);
    const elf = parseElf(file.reader);
    if (elf.kind === 'elf') {
      // What these start in turn is looked at when they do.
      const uncovered = start.required ? uncoveredReason(elf, file.reader) : undefined;
      if (uncovered !== undefined) this.urgent.uncovered.set(file.path, uncovered);
      this.#addLibraries(file, elf, start);
    } else this.#execScript(file, start);
    this.#addLaunched(file, start);
  }

  #execScript(file: FileInView, start: Start): void {
    const shebang = parseShebang(file.reader.read(0, SCRIPT_LINE_MAX_BYTES));
    // Neither ELF nor `#!`: execvp hands it to the shell.
    const interpreter = shebang?.interpreter ?? SHELL;
    const name = display(interpreter);
    if (start.depth >= SCRIPT_DEPTH_MAX)
      return this.#cannotStart(file, interpreter, start, 'scripts interpret scripts, too deeply');
    const found = this.view.resolve(absolutePath(interpreter, start.context.cwd));
    if (found.kind !== 'file')
      return this.#cannotStart(file, interpreter, start, `its interpreter ${name} does not exist`);
    const before = shebang?.argument === undefined ? [] : [shebang.argument];
    this.exec(found, {
      ...start,
      argv: [interpreter, ...before, file.path, ...start.argv.slice(1)],
      reason: 'interpreter',
      neededBy: file.path,
      depth: start.depth + 1,
    });
  }

  #addLibraries(file: FileInView, elf: ElfFile, start: Start): void {
    const { env, cwd } = start.context;
    const closure = dependencyClosure(this.view, file, elf, {
      libraryPath: env['LD_LIBRARY_PATH'],
      preload: env['LD_PRELOAD'],
      cwd,
    });
    this.urgent.usesLoader ||= elf.interpreter !== undefined;
    for (const opened of closure.opened) {
      const found = this.view.find(opened.file.path);
      if (found) this.urgent.add(found, opened.reason, opened.neededBy);
    }
    for (const missing of closure.missing) {
      if (missing.name !== elf.interpreter) this.urgent.addMissing(explain(missing));
      else this.#cannotStart(file, missing.name, start, `its loader ${display(missing.name)} does not exist`);
    }
  }

  #addLaunched(file: FileInView, start: Start): void {
    const { argv, context } = start;
    const launched = launchedBy(this.view, [argv[0] ?? file.path, ...argv.slice(1)], context);
    if (launched) this.#launch(file, launched.argv, launched.context);
  }

  #launch(launcher: FileInView, argv: readonly ByteString[], context: ExecContext): void {
    const name = argv[0] as ByteString;
    const search = searchCommand(this.view, name, context);
    const neededBy = launcher.path;
    if (search.kind === 'found')
      this.exec(search.file, { argv, context, reason: 'command', neededBy, depth: 0, required: false });
    else this.urgent.addMissing({ name, neededBy });
  }

  /** A file of the layer that the command line names: what a program is given it will most likely read. */
  addArgument(argument: ByteString, context: ExecContext): void {
    const value = /^-[^=]*=(.+)$/.exec(argument)?.[1] as ByteString | undefined;
    const file = this.view.find(absolutePath(value ?? argument, context.cwd));
    if (!file?.layer) return;
    const neededBy = COMMAND_LINE;
    if ((file.mode & 0o111) !== 0) {
      const argv = [file.path];
      this.exec(file, { argv, context, reason: 'command', neededBy, depth: 0, required: false });
    } else if (file.layer.size <= ARGUMENT_URGENT_MAX_BYTES) this.urgent.add(file, 'command', neededBy);
  }

  #cannotStart(file: FileInView, needs: ByteString, start: Start, why: string): void {
    if (!start.required) return this.urgent.addMissing({ name: needs, neededBy: file.path });
    throw new TeesError('COMMAND_NOT_EXECUTABLE', `${display(file.path)} cannot be executed: ${why}`, {
      path: file.path,
      hint: 'Install what is missing in your environment, or correct the first line of the script.',
    });
  }
}

function explain({ name, neededBy, refused }: MissingLibrary): MissingFile {
  if (refused === undefined) return { name, neededBy };
  return { name, neededBy, hint: `${display(refused)} is there, but is no library for this program.` };
}
