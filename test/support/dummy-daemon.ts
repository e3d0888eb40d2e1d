/**
 * Stands for a node's daemon where only the cluster around it is tested: takes the daemon's options, counts what
 * it is sent over TCP, answers with that number at the end of the stream, and says when it is ready.
 * `--fail NODE` ends with a message on that node, `--hang NODE` never gets ready there.
 */
import { rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';

const PORT = 7611;
const { values } = parseArgs({
  strict: true,
  options: {
    role: { type: 'string' },
    config: { type: 'string' },
    node: { type: 'string' },
    state: { type: 'string' },
    runtime: { type: 'string' },
    'ready-fd': { type: 'string' },
    fail: { type: 'string' },
    hang: { type: 'string' },
  },
});

if (values.fail === values.node) {
  process.stderr.write('the store is on fire\n');
  process.exit(7);
}
const sink = createServer({ allowHalfOpen: true }, (socket) => {
  let bytes = 0;
  socket.on('data', (part: Buffer) => (bytes += part.length));
  socket.on('end', () => socket.end(String(bytes)));
  socket.on('error', () => socket.destroy());
});
const local = createServer((socket) => socket.end(`${values.role} ${values.node}\n`));
// Of one that was killed.
rmSync(`${values.runtime}/tees.sock`, { force: true });
sink.listen(PORT, () => {
  local.listen(`${values.runtime}/tees.sock`, () => {
    if (values.hang !== values.node) writeSync(Number(values['ready-fd']), 'ready\n');
  });
});
