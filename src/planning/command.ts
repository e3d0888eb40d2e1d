/** Which file a command name means: execvp(3)'s search, inside the environment's root. */
import type { ByteString } from '../base/bytes.js';
import { display, fromText } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';
import type { EnvironmentView, FileInView } from './environment-view.js';

export interface ExecContext {
  /** Names and values as bytes. */
  readonly env: Readonly<Record<string, ByteString>>;
  /** Absolute, a directory inside the environment. */
  readonly cwd: ByteString;
}

/** What glibc searches when PATH is not set (confstr(_CS_PATH)). */
const PATH_DEFAULT = fromText('/bin:/usr/bin');

export type CommandSearch =
  | { readonly kind: 'found'; readonly file: FileInView }
  /** A file or directory of that name exists, but it cannot be executed. */
  | { readonly kind: 'denied'; readonly path: ByteString; readonly why: string }
  | { readonly kind: 'absent'; readonly tried: readonly ByteString[] };

export function searchCommand(view: EnvironmentView, name: ByteString, context: ExecContext): CommandSearch {
  const paths = name.includes('/') ? [name] : inPath(name, context);
  let denied: CommandSearch | undefined;
  for (const path of paths) {
    const resolved = view.resolve(absolutePath(path, context.cwd));
    if (resolved.kind === 'file' && (resolved.mode & 0o111) !== 0) return { kind: 'found', file: resolved };
    if (resolved.kind === 'absent') {
      if (resolved.errno === 'EACCES') denied ??= { kind: 'denied', path, why: 'permission denied' };
      continue;
    }
    const why = resolved.kind === 'directory' ? 'it is a directory' : 'it has no execute permission';
    denied ??= { kind: 'denied', path, why: resolved.kind === 'other' ? 'it is no regular file' : why };
  }
  return denied ?? { kind: 'absent', tried: paths };
}

/**
 * @throws TeesError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE
 */
export function resolveCommand(view: EnvironmentView, name: ByteString, context: ExecContext): FileInView {
  const search = name === '' ? { kind: 'absent' as const, tried: [] } : searchCommand(view, name, context);
  if (search.kind === 'found') return search.file;
  if (search.kind === 'denied')
    throw new TeesError('COMMAND_NOT_EXECUTABLE', `${display(name)} cannot be executed: ${search.why}`, {
      path: search.path,
      hint: 'If it is meant to be a program: chmod +x it in your environment.',
    });
  throw new TeesError('COMMAND_NOT_FOUND', `${display(name)}: no such command in the environment`, {
    path: name,
    hint: name.includes('/')
      ? `Relative names start at the working directory, ${display(context.cwd)}.`
      : `PATH searched: ${display(context.env['PATH'] ?? PATH_DEFAULT)}`,
  });
}

export function absolutePath(path: ByteString, cwd: ByteString): ByteString {
  return path.startsWith('/') ? path : (`${cwd}/${path}` as ByteString);
}

/** An empty element of PATH is the working directory. */
function inPath(name: ByteString, context: ExecContext): ByteString[] {
  return (context.env['PATH'] ?? PATH_DEFAULT)
    .split(':')
    .map((directory) => `${directory === '' ? '.' : directory}/${name}` as ByteString);
}
