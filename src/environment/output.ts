/**
 * A child's output, kept until somebody takes it. When a child exits, Node lets flow away what nobody reads yet,
 * and a short task may have ended before its streams were given to anybody; what somebody has stopped to read, on
 * the other hand, would hold up the news of the child's end.
 */
import { PassThrough } from 'node:stream';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/**
 * While the child runs, a slow reader holds it back. What is left in the pipe when it has ended, some hundred
 * kilobytes at most, is taken over at once.
 */
export function keepOutput(stream: Readable, child: ChildProcess): Readable {
  const kept = new PassThrough();
  let exited = false;
  stream.on('data', (bytes: Buffer) => {
    if (!kept.write(bytes) && !exited) stream.pause();
  });
  kept.on('drain', () => stream.resume());
  child.once('exit', () => {
    exited = true;
    stream.resume();
  });
  // Also after an error: what came before it counts.
  stream.on('error', () => {});
  stream.on('close', () => kept.end());
  // A reader that has gone ends the task's writing, as a closed pipe does.
  kept.on('close', () => stream.destroy());
  return kept;
}
