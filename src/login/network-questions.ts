/** `tees probe`, answered to whom the kernel says asks. */
import { TeesError } from '../base/errors.js';
import { FRAME_BODY_MAX_BYTES } from '../base/limits.js';
import type { DaemonMessage } from '../wire/api.js';
import type { Header } from '../wire/frame.js';
import { decodeProbeRequest } from '../wire/probe-question.js';
import type { ProbeAnswer } from '../wire/probe-question.js';
import type { Prober } from './probing.js';

interface Answer {
  readonly message: DaemonMessage | ProbeAnswer;
  readonly body?: Buffer;
}

/** @returns all that is to be sent */
export async function answerProbe(header: Header, prober: Prober, signal: AbortSignal): Promise<Answer[]> {
  try {
    const request = decodeProbeRequest(header);
    const facts = await prober.probe(request, signal);
    return [...inParts({ t: 'probeOf' }, facts), { message: { t: 'over', status: 0 } }];
  } catch (thrown) {
    const error = TeesError.from(thrown, 'INTERNAL');
    return [{ message: { t: 'over', status: error.usage ? 2 : 1, error: error.toRecord() } }];
  }
}

function inParts(message: ProbeAnswer, facts: unknown): Answer[] {
  const json = Buffer.from(JSON.stringify(facts));
  const parts: Answer[] = [];
  for (let at = 0; at < json.length; at += FRAME_BODY_MAX_BYTES)
    parts.push({ message, body: json.subarray(at, at + FRAME_BODY_MAX_BYTES) });
  return parts;
}
