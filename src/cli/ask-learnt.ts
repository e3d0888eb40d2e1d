/** What earlier runs have read while they started, for a command that runs as the user: the login daemon knows. */
import { TeesError } from '../base/errors.js';
import type { CommandKey } from '../planning/command-key.js';
import type { Recalled } from '../planning/learnt.js';
import { decodeLearnt } from '../planning/learnt-codec.js';
import { decodeLearningAnswer } from '../wire/learning.js';
import { askDaemon, daemonSocket } from './ask-daemon.js';
import type { SocketOptions } from './ask-daemon.js';

/** Without a daemon that answers: a sentence on standard error, and undefined. */
export async function askWhatWasLearnt(
  options: SocketOptions,
  key: CommandKey,
): Promise<Recalled | undefined> {
  try {
    const frame = await askDaemon(daemonSocket(options), { t: 'recall', ...key });
    const answer = decodeLearningAnswer(frame.header);
    if (answer.t !== 'recalled')
      throw new TeesError('MESSAGE_INVALID', 'the login daemon answers another question');
    const record = frame.body.length > 0 ? decodeLearnt(frame.body) : undefined;
    return { record, budgetBytes: answer.budgetBytes };
  } catch (error) {
    const reason = error instanceof TeesError ? error.message : String(error);
    process.stderr.write(`tees: note: what earlier runs have read is not shown: ${reason}\n`);
    return undefined;
  }
}

/** @returns how many records are gone */
export async function askToForget(options: SocketOptions, environment?: string): Promise<number> {
  const question = { t: 'forget', ...(environment === undefined ? {} : { environment }) };
  const answer = decodeLearningAnswer((await askDaemon(daemonSocket(options), question)).header);
  return answer.t === 'forgotten' ? answer.records : 0;
}
