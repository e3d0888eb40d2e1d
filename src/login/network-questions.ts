/** `tees probe` and `tees calibrate`, answered to whom the kernel says asks. */
import { TeesError } from '../base/errors.js';
import { FRAME_BODY_MAX_BYTES } from '../base/limits.js';
import type { DaemonMessage } from '../wire/api.js';
import { decodeCalibrateRequest } from '../wire/calibrate-question.js';
import type { CalibrateAnswer } from '../wire/calibrate-question.js';
import type { Header } from '../wire/frame.js';
import { decodeProbeRequest } from '../wire/probe-question.js';
import type { ProbeAnswer } from '../wire/probe-question.js';
import type { Calibrator } from './calibrator.js';
import type { Prober } from './probing.js';

export interface Asker {
  readonly uid: number;
  /** When nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Before the answer. */
  say(message: CalibrateAnswer): void;
}

interface Answer {
  readonly message: DaemonMessage | ProbeAnswer | CalibrateAnswer;
  readonly body?: Buffer;
}

/** @returns all that is to be sent */
export function answerProbe(header: Header, prober: Prober, { signal }: Asker): Promise<Answer[]> {
  return orWhyNot(async () => {
    const facts = await prober.probe(decodeProbeRequest(header), signal);
    return inParts({ t: 'probeOf' }, facts);
  });
}

/** @returns all that is still to be sent */
export function answerCalibrate(header: Header, calibrator: Calibrator, asker: Asker): Promise<Answer[]> {
  return orWhyNot(async () => {
    const request = decodeCalibrateRequest(header);
    // It fills every link for a while.
    if (asker.uid !== 0)
      throw new TeesError('ROOT_ONLY', 'only root may measure the network and change its figures', {
        hint: 'tees probe is for everybody.',
      });
    if (request.t === 'useNetwork')
      return [{ message: { t: 'networkUsed', file: calibrator.useAnew() } as const }];
    const { nodes, durationMs } = request;
    const doing = (text: string): void => asker.say({ t: 'doing', text });
    const wanted = nodes === undefined ? {} : { nodes };
    const facts = await calibrator.calibrate({ ...wanted, durationMs, doing, signal: asker.signal });
    return inParts({ t: 'calibrated' }, facts);
  });
}

async function orWhyNot(answer: () => Promise<Answer[]>): Promise<Answer[]> {
  try {
    return [...(await answer()), { message: { t: 'over', status: 0 } }];
  } catch (thrown) {
    const error = TeesError.from(thrown, 'INTERNAL');
    return [{ message: { t: 'over', status: error.usage ? 2 : 1, error: error.toRecord() } }];
  }
}

function inParts(message: Answer['message'], facts: unknown): Answer[] {
  const json = Buffer.from(JSON.stringify(facts));
  const parts: Answer[] = [];
  for (let at = 0; at < json.length; at += FRAME_BODY_MAX_BYTES)
    parts.push({ message, body: json.subarray(at, at + FRAME_BODY_MAX_BYTES) });
  return parts;
}
