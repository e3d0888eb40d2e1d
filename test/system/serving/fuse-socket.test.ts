/** Who may speak to a serving process, and what becomes of those who speak nonsense. */
import type { ExecutionContext } from 'ava';
import { chmodSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeRecord } from '../../../src/serving/fuse-protocol.js';
import { makeLayer } from '../store/layer.js';
import { digest, digestOf, run, serialMountTest, serve, until } from './served.js';
import type { Served } from './served.js';

function speak(
  t: ExecutionContext,
  { root }: Served,
): Socket & { heard: () => number; ended: () => boolean } {
  let heard = 0;
  let ended = false;
  const socket = connect(`${root}/serve.sock`);
  socket.on('data', (bytes: Buffer) => (heard += bytes.length));
  socket.on('error', () => {});
  socket.on('close', () => (ended = true));
  t.teardown(() => socket.destroy());
  return Object.assign(socket, { heard: () => heard, ended: () => ended });
}

const outOfRange = encodeRecord('arrived', 2);
const fromTheServer = encodeRecord('blocked', 0);
const NONSENSE: readonly [what: string, bytes: Buffer][] = [
  ['a content that there is not', outOfRange],
  ['what only the server says', fromTheServer],
  ['noise', Buffer.alloc(160, 0xa5)],
  ['zeros', Buffer.alloc(16)],
];

serialMountTest('who speaks nonsense is hung up on, and nobody else notices', async (t) => {
  const layer = makeLayer([{ size: 10 }, { size: 20 }]);
  const served = await serve(t, layer, 'tees');
  const reading = digestOf(served.path(0));
  await until('it blocks', async () => (await served.stats()).blockedOpens === 1);
  for (const [what, bytes] of NONSENSE) {
    const socket = speak(t, served);
    await until('it is greeted', () => socket.heard() === 4 * 16);
    socket.write(bytes);
    await until(`${what}: it is hung up on`, () => socket.ended());
  }
  await served.deliver(0);
  t.is(await reading, digest(layer.files[0] as Buffer));
});

serialMountTest('a record in pieces is one; half a record and silence harm nobody', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  const [slow, half] = [speak(t, served), speak(t, served)];
  half.write(encodeRecord('stop').subarray(0, 9));
  const question = encodeRecord('count', 0, 9n);
  await until('it is greeted', () => slow.heard() === 3 * 16);
  for (const byte of question) {
    slow.write(Buffer.of(byte));
    await sleep(2);
  }
  await until('it is answered', () => slow.heard() === (3 + 7) * 16);
  t.false(half.ended());
});

serialMountTest('an arrival that is none wakes nobody', async (t) => {
  const layer = makeLayer([{ size: 10 }]);
  const served = await serve(t, layer, 'tees');
  const reading = digestOf(served.path(0));
  await until('it blocks', async () => (await served.stats()).blockedOpens === 1);
  const liar = speak(t, served);
  for (let i = 0; i < 100; i++) liar.write(encodeRecord('arrived', 0));
  t.is(await Promise.race([reading, sleep(300, 'still waiting')]), 'still waiting');
  await served.deliver(0);
  t.is(await reading, digest(layer.files[0] as Buffer));
});

serialMountTest('more daemons than there can be are sent away; those that are there go on', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  const sockets = Array.from({ length: 20 }, () => speak(t, served));
  // The hook's own is one of eight.
  await until('the rest is sent away', () => sockets.filter((socket) => socket.ended()).length === 13);
  t.is((await served.stats()).opens, 0);
});

serialMountTest('nobody but root is heard, even if he gets at the socket', async (t) => {
  const served = await serve(t, makeLayer([{ size: 10 }]), 'tees');
  chmodSync(served.root, 0o755);
  chmodSync(`${served.root}/serve.sock`, 0o666);
  const script = `require('net').connect(process.argv[1]).on('data', (b) => console.log('heard', b.length)).on('close', () => console.log('closed'))`;
  const asNobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
  const { stdout } = await run(
    'setpriv',
    ...asNobody,
    process.execPath,
    '-e',
    script,
    `${served.root}/serve.sock`,
  );
  t.is(stdout, 'closed\n');
  t.is((await served.stats()).opens, 0);
});
