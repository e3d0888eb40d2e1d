/** What a user asks about what their own commands have waited for: `tees layer split`, `tees layer forget`. */
import { TeesError } from '../base/errors.js';
import { encodeLearnt } from '../planning/learnt-codec.js';
import type { DaemonMessage } from '../wire/api.js';
import { decodeLearningRequest } from '../wire/learning.js';
import type { LearningAnswer } from '../wire/learning.js';
import type { Header } from '../wire/frame.js';
import type { LearntRecords } from './learnt-records.js';

export interface Asked {
  readonly header: Header;
  /** Of the asker, as the kernel says: nobody asks about others. */
  readonly uid: number;
  readonly budgetBytes: number;
}

/** @returns all that is to be sent */
export async function answerLearning(
  asked: Asked,
  records: LearntRecords,
): Promise<{ message: DaemonMessage | LearningAnswer; body?: Buffer }[]> {
  try {
    return [await answer(asked, records), { message: { t: 'over', status: 0 } }];
  } catch (thrown) {
    const error = TeesError.from(thrown, 'INTERNAL').toRecord();
    return [{ message: { t: 'over', status: 1, error } }];
  }
}

async function answer({ header, uid, budgetBytes }: Asked, records: LearntRecords) {
  const request = decodeLearningRequest(header);
  if (request.t === 'forget') {
    const count = await records.forget(uid, request.environment);
    return { message: { t: 'forgotten', records: count } as const };
  }
  const record = await records.recall(uid, request);
  const message = { t: 'recalled', budgetBytes } as const;
  return record ? { message, body: encodeLearnt(record) } : { message };
}
