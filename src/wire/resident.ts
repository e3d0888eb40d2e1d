/**
 * Environments for the tasks of a resource manager's job. A node on which such a task begins asks the login daemon for the
 * environment (`reside`), which is deployed to all nodes of the job and answered when it is on its way (`resided`); the job's
 * end is told (`ended`), and looked up at the manager all the same.
 */
import type { ErrorRecord } from '../base/errors.js';
import { Fields } from './fields.js';
import type { Header } from './frame.js';

const NAME_MAX = 64;
const SEARCH_PATH_MAX = 1 << 20;
const ARGUMENTS_MAX = 100_000;
const ID_MAX = 0xffff_fffe;

export interface ResidentSpec {
  /** As resource-manager/ calls it. */
  readonly manager: string;
  /** The manager's own name of its job. */
  readonly job: string;
  /** Of the user's environments. */
  readonly environment: string;
}

export interface ResideRequest extends ResidentSpec {
  /** Whose tasks begin there, as the manager's daemon on that node says. The login daemon asks the manager itself. */
  readonly uid: number;
  /** Of the first task, for the urgent part. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Its PATH and LD_LIBRARY_PATH. */
  readonly path: string;
  readonly libraries: string;
  /** Whether runs of this command learn from each other: batch scripts have only their interpreter in common. */
  readonly learn: boolean;
  /** As options of `tees run`; empty: what the configuration says. */
  readonly hook: string;
  readonly method: string;
  readonly onLoss: string;
}

export type ResidentMessage =
  | ({ readonly t: 'reside' } & ResideRequest)
  /** To who has asked for this user. */
  | ({ readonly t: 'resided'; readonly uid: number; readonly error?: ErrorRecord } & ResidentSpec)
  | { readonly t: 'ended'; readonly manager: string; readonly job: string };

export function isResidentMessage({ t }: Header): boolean {
  return t === 'reside' || t === 'resided' || t === 'ended';
}

export function encodeResident(message: ResidentMessage): Header {
  return message as unknown as Header;
}

export function decodeResidentMessage(header: Header): ResidentMessage {
  const fields = new Fields(header);
  const t = fields.oneOf('t', ['reside', 'resided', 'ended']);
  if (t === 'ended')
    return { t, manager: fields.text('manager', NAME_MAX), job: fields.text('job', NAME_MAX) };
  const spec = decodeResident(fields);
  if (t === 'resided') {
    const error = fields.optionalObject('error') ? { error: fields.errorRecord('error') } : {};
    return { t, ...spec, uid: fields.count('uid', ID_MAX), ...error };
  }
  return {
    t,
    ...spec,
    uid: fields.count('uid', ID_MAX),
    argv: fields.argv('argv', ARGUMENTS_MAX),
    cwd: fields.text('cwd'),
    path: fields.text('path', SEARCH_PATH_MAX),
    libraries: fields.text('libraries', SEARCH_PATH_MAX),
    learn: fields.flag('learn'),
    hook: fields.text('hook', NAME_MAX),
    method: fields.text('method', NAME_MAX),
    onLoss: fields.text('onLoss', NAME_MAX),
  };
}

export function decodeResident(fields: Fields): ResidentSpec {
  return {
    manager: fields.text('manager', NAME_MAX),
    job: fields.text('job', NAME_MAX),
    environment: fields.text('environment', NAME_MAX),
  };
}

export function residentKey({ manager, job, environment }: ResidentSpec): string {
  return `${manager}/${job}/${environment}`;
}
