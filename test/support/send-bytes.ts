/** `send-bytes.js ADDRESS BYTES`: sends that many to the dummy daemon there, prints how many it has received. */
import { createConnection } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const PORT = 7611;
const PART = Buffer.alloc(64 * 1024);
const [address, size] = process.argv.slice(2);

function* parts(): Generator<Buffer> {
  for (let left = Number(size); left > 0; left -= PART.length) yield PART.subarray(0, left);
}

const socket = createConnection({ host: address, port: PORT, allowHalfOpen: true });
let answer = '';
socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
const closed = new Promise((resolve) => socket.once('close', resolve));
await pipeline(Readable.from(parts()), socket, { end: true });
await closed;
process.stdout.write(answer);
