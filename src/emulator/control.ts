/**
 * The supervisor's control socket: a request is a line of JSON, its answer is one too. One request a connection.
 * The file's mode is the access control: its owner's alone.
 */
import { chmodSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { ErrorRecord } from '../base/errors.js';
import { TeesError } from '../base/errors.js';
import { CONTROL_DEADLINE_MS, CONTROL_LINE_MAX_BYTES } from '../base/limits.js';
import type { ClusterStatus, NetworkCounters } from './status.js';

/** Every request with its answer. Pids are the supervisor's pid namespace's. */
export interface ControlRequests {
  status: { argument: undefined; answer: ClusterStatus };
  counters: { argument: undefined; answer: NetworkCounters };
  /** Where to find a node's daemon; `pidNamespace` identifies the cluster on the host. */
  locate: { argument: { node: string }; answer: { pid: number } };
  /** The same for the whole cluster. */
  identify: { argument: undefined; answer: { pidNamespace: string; nodes: readonly string[] } };
  signal: { argument: { node: string; signal: NodeJS.Signals }; answer: null };
  /** Answered before it is done. */
  down: { argument: undefined; answer: null };
}
export type ControlName = keyof ControlRequests;
export type ControlHandlers = {
  [Name in ControlName]: (
    argument: ControlRequests[Name]['argument'],
  ) => ControlRequests[Name]['answer'] | Promise<ControlRequests[Name]['answer']>;
};

type Answer = { readonly value: unknown } | { readonly error: ErrorRecord };

export function serveControl(path: string, handlers: ControlHandlers): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    void readLine(socket)
      .then((line) => answer(line, handlers))
      .catch((error: unknown): Answer => ({ error: TeesError.from(error, 'CLUSTER_CONTROL').toRecord() }))
      .then((reply) => socket.end(JSON.stringify(reply) + '\n'));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve(server);
    });
  });
}

async function answer(line: string, handlers: ControlHandlers): Promise<Answer> {
  const { request, argument } = JSON.parse(line) as { request: ControlName; argument: unknown };
  if (!Object.hasOwn(handlers, request))
    throw new TeesError('CLUSTER_CONTROL', `no such request: ${request}`);
  const handler = handlers[request] as (argument: unknown) => unknown;
  return { value: await handler(argument) };
}

/** @throws TeesError CLUSTER_NOT_UP, CLUSTER_NOT_ANSWERING, CLUSTER_NOT_YOURS, and what the supervisor answers */
export async function callControl<Name extends ControlName>(
  path: string,
  request: Name,
  ...[argument]: ControlRequests[Name]['argument'] extends undefined
    ? []
    : [ControlRequests[Name]['argument']]
): Promise<ControlRequests[Name]['answer']> {
  const socket = createConnection(path);
  socket.setTimeout(CONTROL_DEADLINE_MS, () => socket.destroy(notAnswering(path)));
  let line: string;
  try {
    socket.write(JSON.stringify({ request, argument }) + '\n');
    line = await readLine(socket);
  } catch (error) {
    throw unreachable(path, error);
  } finally {
    socket.destroy();
  }
  const reply = JSON.parse(line) as Answer;
  if ('error' in reply) throw TeesError.fromRecord(reply.error);
  return reply.value as ControlRequests[Name]['answer'];
}

function notAnswering(path: string): TeesError {
  return new TeesError('CLUSTER_NOT_ANSWERING', 'the supervisor of the embedded cluster does not answer', {
    path,
    hint: 'Its processes may be stopped, or the host overloaded. tees cluster down ends it all the same.',
  });
}

function unreachable(path: string, error: unknown): TeesError {
  if (error instanceof TeesError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM') {
    return new TeesError('CLUSTER_NOT_YOURS', 'the embedded cluster belongs to somebody else', {
      path,
      cause: error,
      hint: 'Run the command as the user who started it, root.',
    });
  }
  return new TeesError('CLUSTER_NOT_UP', 'no embedded cluster is up in this state directory', {
    path,
    cause: error,
    hint: 'Start one with: tees cluster up. Another state directory is chosen by --state DIR or TEES_CLUSTER.',
  });
}

/** The first line; an end before it is an error. */
function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed')));
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      size += part.length;
      if (part.includes(10)) resolve(Buffer.concat(parts).toString('utf8').split('\n')[0] ?? '');
      else if (size > CONTROL_LINE_MAX_BYTES) socket.destroy(new Error('the line is too long'));
    });
  });
}
