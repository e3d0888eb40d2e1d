/**
 * The real dynamic loader as the oracle: what it opens for a program, without running the program
 * (LD_TRACE_LOADED_OBJECTS, ld.so(8)), on this machine's root or on an overlay over it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Oracle {
  /** Canonical paths of the libraries; without the loader, which is listed only if a library needs it. */
  readonly libraries: string[];
  readonly missing: string[];
}

export interface OracleOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A directory to mount over / first, in a mount namespace of its own: needs root. */
  readonly upper?: string;
  /** Before the program is looked at, inside the environment. */
  readonly prepare?: string;
}

/** The lines of LD_TRACE_LOADED_OBJECTS, then every path in them with symbolic links resolved. */
const TRACE = `
$PREPARE
cd "$CWD"
lines=$(env $ENTER "$@" 2>/dev/null)
printf '%s\\n' "$lines"
echo ---
printf '%s\\n' "$lines" | sed -n 's/^.*=> \\(.*\\) (0x[0-9a-f]*)$/\\1/p; t; /linux-vdso/d; s/^\\t\\(.*\\) (0x[0-9a-f]*)$/\\1/p' |
while IFS= read -r path; do readlink -f "$path"; done
`;

export function traceLoader(program: string, options: OracleOptions = {}): Oracle {
  const variables = Object.entries({ ...options.env, LD_TRACE_LOADED_OBJECTS: '1' });
  const inner = ['sh', '-c', TRACE.replace('$PREPARE', options.prepare ?? '').replace('$ENTER', ''), 'sh'];
  const argv = [...inner, ...variables.map(([name, value]) => `${name}=${value}`), program];
  const environment = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', CWD: options.cwd ?? '/' };
  const [command, ...args] = options.upper === undefined ? argv : insideOverlay(options.upper, argv);
  const output = execFileSync(command as string, args, { env: environment, encoding: 'utf8', stdio: 'pipe' });
  const [lines = '', paths = ''] = output.split('\n---\n');
  const missing = [...lines.matchAll(/^\t(.*) => not found$/gm)].map(([, name]) => name as string);
  const libraries = paths.split('\n').filter((path) => path !== '' && !path.includes('/ld-linux'));
  return { libraries: unique(libraries), missing: unique(missing) };
}

/** Canonical paths of every file that the loader opens, in order: needs strace. */
export function straceLoader(program: string, options: OracleOptions = {}): string[] {
  const env = { PATH: process.env['PATH'] ?? '', ...options.env, LD_TRACE_LOADED_OBJECTS: '1' };
  const variables = Object.entries(env).flatMap(([name, value]) => ['-E', `${name}=${value}`]);
  const args = ['-y', '-e', 'trace=open,openat', ...variables, program];
  const { stderr: trace } = spawnSync('strace', args, { cwd: options.cwd ?? '/', encoding: 'utf8' });
  return unique([...trace.matchAll(/ = \d+<(\/.*)>$/gm)].map(([, path]) => path as string));
}

export function hasCommand(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/** Why overlays cannot be mounted here; undefined when they can. */
export function overlayUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting an overlay needs root';
  return spawnSync('unshare', ['-m', 'true']).status === 0 ? undefined : 'no private mount namespace';
}

function insideOverlay(upper: string, argv: readonly string[]): string[] {
  const [work, merged] = [join(upper, '..', 'work'), join(upper, '..', 'merged')];
  for (const directory of [work, merged]) mkdirSync(directory, { recursive: true });
  const script = `
    mount -t overlay -o "lowerdir=/,upperdir=$1,workdir=$2" tees-test "$3" && merged=$3 && shift 3 &&
    mount -t proc proc "$merged/proc" && exec chroot "$merged" "$@"`;
  return [
    'unshare',
    '-m',
    '--propagation',
    'private',
    'sh',
    '-c',
    script,
    'sh',
    upper,
    work,
    merged,
    ...argv,
  ];
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
