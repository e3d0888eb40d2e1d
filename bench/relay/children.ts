/**
 * Children that take what the relay sends and do nothing with it: what they cost is not the relay's. Arguments: key, port,
 * how many. Child n is at 127.0.0.(n + 1).
 */
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { Acceptor, keyProver } from '../../src/wire/authentication.js';
import { FrameDecoder, encodeFrame } from '../../src/wire/frame.js';
import type { Header } from '../../src/wire/frame.js';
import { chunkBuffers } from '../../src/wire/buffer-pool.js';
import { encodeMessage } from '../../src/wire/messages.js';

const [key = '', port = '', count = ''] = process.argv.slice(2);

/** Told how many units there are, because it does not read the document. */
let units = 0;
process.on('message', (message) => (units = Number(message)));

function serve(name: string, socket: Socket): void {
  const acceptor = new Acceptor(keyProver(Buffer.from(key, 'hex')), name);
  const decoder = new FrameDecoder();
  let isOpen = false;
  let [pieces, got, job] = [0, 0, ''];
  const say = (header: Header): void => void socket.write(encodeFrame(header));
  const take = (header: Header): void => {
    if (header['t'] === 'job') {
      job = header['job'] as string;
      [pieces, got] = [(header['documentLengths'] as number[]).length, 0];
      say(encodeMessage({ t: 'have', job, ranges: [], opened: false }));
    } else if (header['t'] === 'unit') {
      got++;
      if (got === pieces) say(encodeMessage({ t: 'have', job, ranges: [0, pieces], opened: true }));
      if (got === units) say(encodeMessage({ t: 'delivered', job }));
    } else if (header['t'] === 'end') say(encodeMessage({ t: 'gone', job }));
  };
  socket.setNoDelay(true).on('error', () => {});
  socket.on('data', (bytes) => {
    for (const { header, body } of decoder.push(bytes)) {
      if (isOpen) take(header);
      else {
        // The other end waits for each answer.
        void acceptor.receive(header).then(({ reply, peer }) => {
          if (reply) say(reply);
          isOpen = peer !== undefined;
        });
      }
      chunkBuffers.release(body);
    }
  });
}

const listening = Array.from({ length: Number(count) }, (_, i) => {
  const server = createServer((socket) => serve(`cn${i + 1}`, socket));
  return new Promise<void>((resolve) => server.listen(Number(port), `127.0.0.${i + 2}`, resolve));
});
await Promise.all(listening);
process.send?.('ready');
