/**
 * What a command and its login daemon say to each other over the daemon's Unix socket. Who the user is, the
 * daemon hears from the kernel (SO_PEERCRED), not from these messages.
 *
 * Command → daemon: `run` first; then `stdin` within the credit that was given, `signal`, `cancel`.
 * Daemon → command: `output`, `progress`, `warning`, `credit`, the report in parts, and at last `over`.
 */
import { usageError } from '../base/errors.js';
import type { ErrorRecord } from '../base/errors.js';
import { COMMAND_ARGUMENTS_MAX_BYTES } from '../base/limits.js';
import { Fields, environmentList } from './fields.js';
import type { Header } from './frame.js';
import type { Progress } from './messages.js';
import { decodePlacementRequest } from './placement.js';
import type { PlacementRequest } from './placement.js';
import type { PresentWait } from './waits.js';

export interface RunRequest {
  /** Host list. */
  readonly nodes: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The upper layer's directory on the login node. */
  readonly upper: string;
  /** Instead of `upper`: the user's private environment of this name. */
  readonly environment?: string;
  /** Paths that belong to the urgent part whatever the analysis says. */
  readonly urgent: readonly string[];
  readonly method: string;
  readonly hook?: string;
  readonly fuseEngine?: string;
  readonly layout?: string;
  readonly width?: number;
  /** Of the tree; instead of the configuration's. */
  readonly shape?: string;
  /** Goes on until the whole layer is on every node, even when the tasks end before. */
  readonly complete: boolean;
  /** Instead of the configuration's. */
  readonly onStall?: string;
  readonly stallDeadlineMs?: number;
  /** What a lost node means to the job; and nodes that may take its place, a host list. */
  readonly onLoss?: string;
  readonly spares?: string;
  /** Whether a read that waits brings its file forward. */
  readonly demand: boolean;
  /** Uses, and adds to, what earlier runs of the command have read at start-up. */
  readonly learn: boolean;
  /** Instead of running a command: what lies at `upper`, a file or a directory, appears there. Only root may ask it. */
  readonly placement?: PlacementRequest;
  /** Whose the task is; only root may say so. Without it the task is its submitter's. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
}

export type CommandMessage =
  | { readonly t: 'stdin'; readonly eof: boolean }
  | { readonly t: 'signal'; readonly signal: string }
  /** The job is given up; `over` follows when nothing of it is left. */
  | { readonly t: 'cancel' };

export interface ProgressMessage extends Progress {
  readonly phase: 'scanning' | 'splitting' | 'planning' | 'streaming';
  /** On all nodes together, as what has come. */
  readonly urgentTotal: number;
  readonly hystereticTotal: number;
  /** Reads wait now. */
  readonly waiting?: { readonly count: number; readonly longest: PresentWait };
}

export type DaemonMessage =
  | { readonly t: 'output'; readonly node: string; readonly stream: 'stdout' | 'stderr' }
  | ({ readonly t: 'progress' } & ProgressMessage)
  | { readonly t: 'warning'; readonly text: string }
  /** Standard input may grow by so many bytes. */
  | { readonly t: 'credit'; readonly bytes: number }
  /** A piece of the report's JSON, in the body. */
  | { readonly t: 'report' }
  | { readonly t: 'over'; readonly status: number; readonly error?: ErrorRecord };

const ARGUMENTS_MAX = 100_000;
const ID_MAX = 0xffff_fffe;
const GROUPS_MAX = 65_536;

/** @throws TeesError COMMAND_TOO_LONG */
export function encodeRun(request: RunRequest): Header {
  const env = environmentList(request.env);
  checkLength(request.argv, env);
  return { t: 'run', ...request, env };
}

/** As execve(2) counts it. */
function checkLength(argv: readonly string[], env: readonly string[]): void {
  let bytes = 0;
  for (const text of [...argv, ...env]) bytes += Buffer.byteLength(text) + 1;
  if (bytes <= COMMAND_ARGUMENTS_MAX_BYTES && argv.length + env.length <= ARGUMENTS_MAX) return;
  throw usageError('COMMAND_TOO_LONG', `the command and its environment have ${bytes} bytes`, {
    hint: `At most ${COMMAND_ARGUMENTS_MAX_BYTES}: pass long lists in a file, or unset large variables.`,
  });
}

export function decodeRun(header: Header): RunRequest {
  const fields = new Fields(header);
  fields.oneOf('t', ['run']);
  const hook = fields.optionalText('hook', 64);
  const fuseEngine = fields.optionalText('fuseEngine', 64);
  const layout = fields.optionalText('layout', 64);
  const width = fields.optionalCount('width');
  const shape = fields.optionalText('shape', 64);
  const onStall = fields.optionalText('onStall', 64);
  const stallDeadlineMs = fields.optionalCount('stallDeadlineMs');
  const onLoss = fields.optionalText('onLoss', 64);
  const spares = fields.optionalText('spares', 1 << 20);
  const user = fields.optionalObject('user');
  const placement = fields.optionalObject('placement');
  const environment = fields.optionalText('environment', 64);
  return {
    nodes: fields.text('nodes', 1 << 20),
    argv: fields.texts('argv', ARGUMENTS_MAX),
    env: fields.environment('env', ARGUMENTS_MAX),
    cwd: fields.text('cwd'),
    upper: fields.text('upper'),
    urgent: fields.texts('urgent', ARGUMENTS_MAX),
    method: fields.text('method', 64),
    ...(hook === undefined ? {} : { hook }),
    ...(fuseEngine === undefined ? {} : { fuseEngine }),
    ...(layout === undefined ? {} : { layout }),
    ...(width === undefined ? {} : { width }),
    ...(shape === undefined ? {} : { shape }),
    ...(onStall === undefined ? {} : { onStall }),
    ...(stallDeadlineMs === undefined ? {} : { stallDeadlineMs }),
    ...(onLoss === undefined ? {} : { onLoss }),
    ...(spares === undefined ? {} : { spares }),
    complete: fields.flag('complete'),
    demand: fields.flag('demand'),
    learn: fields.flag('learn'),
    ...(environment === undefined ? {} : { environment }),
    ...(placement ? { placement: decodePlacementRequest(placement) } : {}),
    ...(user ? { user: decodeUser(user) } : {}),
  };
}

function decodeUser(fields: Fields): NonNullable<RunRequest['user']> {
  return {
    uid: fields.count('uid', ID_MAX),
    gid: fields.count('gid', ID_MAX),
    groups: fields.counts('groups', GROUPS_MAX, ID_MAX),
  };
}

export function decodeCommand(header: Header): CommandMessage {
  const fields = new Fields(header);
  const t = fields.oneOf('t', ['stdin', 'signal', 'cancel']);
  if (t === 'cancel') return { t };
  return t === 'stdin' ? { t, eof: fields.flag('eof') } : { t, signal: fields.signal('signal') };
}

/** From the daemon, which the command trusts as far as its socket's place and owner say. */
export function decodeDaemon(header: Header): DaemonMessage {
  const fields = new Fields(header);
  const t = fields.oneOf('t', ['output', 'progress', 'warning', 'credit', 'report', 'over']);
  if (t === 'over') {
    const error = fields.optionalObject('error') ? { error: fields.errorRecord('error') } : {};
    return { t, status: fields.count('status', 255), ...error };
  }
  return header as unknown as DaemonMessage;
}
