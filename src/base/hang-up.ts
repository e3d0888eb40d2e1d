/**
 * How a daemon ends a connection that it has answered. The other end hangs up when it has read everything. What it
 * still sends meanwhile must not meet a closed socket: the broken pipe would cost it what it has not read yet.
 */
import type { Socket } from 'node:net';

const HANG_UP_DEADLINE_MS = 10_000;

/** For somebody whose socket is read. */
export function hangUp(socket: Socket): void {
  socket.end();
  const deadline = setTimeout(() => socket.destroy(), HANG_UP_DEADLINE_MS);
  socket.once('close', () => clearTimeout(deadline));
}
