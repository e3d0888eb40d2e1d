/** A request to the keeper of environments, and its answers. */
import { TeesError } from '../base/errors.js';
import { StringsDecoder, encodeStrings } from '../wire/strings.js';
import { connectDaemon } from './ask-daemon.js';

/**
 * @returns what came before `done`
 * @throws TeesError DAEMON_DOWN, DAEMON_LOST, and what the keeper answers
 */
export async function askKeeper(path: string, request: readonly string[]): Promise<string[][]> {
  const socket = await connectDaemon(path);
  const decoder = new StringsDecoder();
  const answers: string[][] = [];
  try {
    socket.write(encodeStrings(request));
    for await (const bytes of socket as AsyncIterable<Buffer>)
      for (const answer of decoder.push(bytes)) {
        const [kind, code = '', message = '', hint = ''] = answer;
        if (kind === 'error') throw new TeesError(code, message, hint === '' ? {} : { hint });
        if (kind === 'done') return answers;
        answers.push(answer);
      }
  } finally {
    socket.destroy();
  }
  throw new TeesError('DAEMON_LOST', 'the keeper of environments went away before it had answered', {
    path,
    hint: "See the login daemon's log.",
  });
}
