/** Bytes of all connections of one daemon, those that are over included. */
import type { Socket } from 'node:net';
import type { Metric } from '../base/metrics.js';

export class Traffic {
  readonly #sockets = new Set<Socket>();
  #sent = 0;
  #received = 0;

  watch(socket: Socket): Socket {
    this.#sockets.add(socket);
    return socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#sent += socket.bytesWritten;
      this.#received += socket.bytesRead;
    });
  }

  metrics(): Metric[] {
    const [sent, received] = [this.#sum(this.#sent, 'bytesWritten'), this.#sum(this.#received, 'bytesRead')];
    return [
      {
        name: 'connections',
        kind: 'gauge',
        help: 'Connections with other daemons.',
        value: this.#sockets.size,
      },
      { name: 'sent_bytes_total', kind: 'counter', help: 'Bytes to other daemons.', value: sent },
      { name: 'received_bytes_total', kind: 'counter', help: 'Bytes from other daemons.', value: received },
    ];
  }

  #sum(before: number, which: 'bytesWritten' | 'bytesRead'): number {
    let sum = before;
    for (const socket of this.#sockets) sum += socket[which];
    return sum;
  }
}
