/** A question to the login daemon, and its answer: a frame, or several whose bodies belong together, then `over`. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { TeesError } from '../base/errors.js';
import { locateConfig } from '../config/locate.js';
import { loadConfig } from '../config/parse.js';
import { decodeDaemon } from '../wire/api.js';
import { FrameDecoder, encodeFrame } from '../wire/frame.js';
import type { Frame, Header } from '../wire/frame.js';

export interface SocketOptions {
  readonly socket?: string | undefined;
  readonly config?: string | undefined;
  readonly cluster?: string | undefined;
}

/** @throws TeesError of the configuration */
export function daemonSocket(options: SocketOptions): string {
  return options.socket ?? `${loadConfig(locateConfig(options)).runtimeDirectory}/tees.sock`;
}

/** @throws TeesError DAEMON_DOWN */
export function connectDaemon(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (cause) =>
      reject(
        new TeesError('DAEMON_DOWN', `the login daemon does not answer: ${cause.message}`, {
          path,
          cause,
          hint: 'Start it (tees daemon --role login), or name the cluster: --cluster DIR or TEES_CLUSTER.',
        }),
      ),
    );
  });
}

/**
 * @param onDoing what the daemon is at, where that takes a while
 * @throws TeesError DAEMON_DOWN, DAEMON_LOST, and what the daemon answers
 */
export async function askDaemon(
  path: string,
  question: Header,
  onDoing: (header: Header) => void = () => {},
): Promise<Frame> {
  const socket = await connectDaemon(path);
  try {
    socket.write(encodeFrame(question));
    const decoder = new FrameDecoder();
    const answers: Frame[] = [];
    for await (const bytes of socket as AsyncIterable<Buffer>) {
      for (const frame of decoder.push(bytes)) {
        if (frame.header['t'] === 'doing') {
          onDoing(frame.header);
          continue;
        }
        if (frame.header['t'] !== 'over') {
          answers.push(frame);
          continue;
        }
        const over = decodeDaemon(frame.header);
        if (over.t === 'over' && over.error) throw TeesError.fromRecord(over.error);
        const [first] = answers;
        if (first) return { header: first.header, body: Buffer.concat(answers.map(({ body }) => body)) };
      }
    }
  } catch (error) {
    if (error instanceof TeesError) throw error;
    // How the connection broke is of no interest.
  } finally {
    socket.destroy();
  }
  throw new TeesError('DAEMON_LOST', 'the login daemon went away before it had answered', {
    path,
    hint: 'See its log.',
  });
}
