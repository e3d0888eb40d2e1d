/**
 * How many connections each user has at the login daemon's socket, whatever they do with them: nobody can take all of
 * the daemon's descriptors and memory from the others. Pure.
 */
import { TeesError } from '../base/errors.js';
import { COMMANDS_PER_USER_MAX } from '../base/limits.js';

/** `refused` is to be told why; `dropped` is not even that, because whoever is being told holds a descriptor, too. */
export type Admission = 'served' | 'refused' | 'dropped';

export class OpenCommands {
  readonly #open = new Map<number, number>();

  constructor(private readonly maxPerUser = COMMANDS_PER_USER_MAX) {}

  /** One more of this user, which `leave` ends; not when it is dropped. */
  enter(uid: number): Admission {
    const open = this.#open.get(uid) ?? 0;
    if (open >= 2 * this.maxPerUser) return 'dropped';
    this.#open.set(uid, open + 1);
    return open < this.maxPerUser ? 'served' : 'refused';
  }

  leave(uid: number): void {
    const open = this.#open.get(uid) ?? 0;
    if (open > 1) this.#open.set(uid, open - 1);
    else this.#open.delete(uid);
  }

  refusal(uid: number): TeesError {
    return new TeesError(
      'TOO_MANY_COMMANDS',
      `user ${uid} has ${this.maxPerUser} commands at the login daemon already`,
      { hint: 'Wait until some of them have ended, or end them: each job has one as long as it runs.' },
    );
  }
}
