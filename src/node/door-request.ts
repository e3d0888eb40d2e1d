/**
 * What is asked at the door for tasks (task-door.ts), and who may ask it. Strings as in wire/strings.ts:
 *
 *   enter MANAGER JOB ENVIRONMENT UID POSITION KNOWN HOOK METHOD ON_LOSS DIRECTORY PATH LIBRARIES ARG…
 *   ended MANAGER JOB
 *
 * POSITION is that of the node among those of the step, from 0; KNOWN is 1 when the words behind it are the program that will run, PATH and
 * LIBRARIES the task's PATH and LD_LIBRARY_PATH.
 */
import type { Socket } from 'node:net';
import { TeesError } from '../base/errors.js';
import { REQUEST_DEADLINE_MS } from '../base/limits.js';
import { native } from '../base/native.js';
import type { ResideRequest } from '../wire/resident.js';
import { StringsDecoder } from '../wire/strings.js';

/** As much as a program's variables may have (PATH, LD_LIBRARY_PATH), and the words that the door is told (hooks/task/door.c). */
const USER_REQUEST_MAX_BYTES = 512 * 1024;

export type DoorRequest =
  | { readonly verb: 'enter'; readonly position: number; readonly request: ResideRequest }
  | { readonly verb: 'ended'; readonly manager: string; readonly job: string };

/** Resolves when it is whole. @throws TeesError REQUEST_INVALID */
export async function readDoorRequest(socket: Socket): Promise<DoorRequest> {
  const maxBytes = peerOf(socket) === 0 ? undefined : USER_REQUEST_MAX_BYTES;
  const [verb = '', manager = '', job = '', environment = '', uid = '', ...rest] = await readStrings(
    socket,
    maxBytes,
  );
  if (verb === 'ended') return { verb, manager, job };
  const [
    position = '',
    known,
    hook = '',
    method = '',
    onLoss = '',
    cwd = '/',
    path = '',
    libraries = '',
    ...argv
  ] = rest;
  if (verb !== 'enter' || argv.length === 0 || ![uid, position].every((word) => /^[0-9]{1,10}$/.test(word)))
    throw invalid();
  const request = {
    ...{ manager, job, environment, uid: Number(uid), argv, cwd, path, libraries },
    ...{ learn: known === '1', hook, method, onLoss },
  };
  return { verb, position: Number(position), request };
}

/**
 * Root brings in anybody's tasks, a user at most their own. Pure.
 * @param peer who asks, by the kernel's word
 * @throws TeesError NOT_ALLOWED
 */
export function mayKnock(peer: number, asked: DoorRequest): void {
  if (peer === 0) return;
  if (asked.verb === 'enter' && asked.request.uid === peer) return;
  throw new TeesError('NOT_ALLOWED', `uid ${peer} may not ask for others at the door for tasks`);
}

export function peerOf(socket: Socket): number {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  return native().peerCredentials(fd).uid;
}

function readStrings(socket: Socket, maxBytes: number | undefined): Promise<string[]> {
  const decoder = new StringsDecoder(maxBytes);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(invalid()), REQUEST_DEADLINE_MS);
    const done = (request: string[] | Error): void => {
      clearTimeout(timer);
      if (request instanceof Error) reject(request);
      else resolve(request);
    };
    socket.once('close', () => done(invalid()));
    socket.on('data', (bytes: Buffer) => {
      try {
        const [request] = decoder.push(bytes);
        if (!request) return;
        // There is no second one: what else comes is not kept.
        socket.removeAllListeners('data').resume();
        done(request);
      } catch (error) {
        done(error as Error);
      }
    });
  });
}

function invalid(): TeesError {
  return new TeesError('REQUEST_INVALID', 'the request cannot be understood', {
    hint: 'Are the plugin and the daemon of one version?',
  });
}
