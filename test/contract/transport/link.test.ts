import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import test from 'ava';
import { DEFAULTS } from '../../../src/config/config.js';
import type { TeesError } from '../../../src/base/errors.js';
import type { Link } from '../../../src/transport/link.js';
import { Links } from '../../../src/transport/links.js';
import { encodeFrame } from '../../../src/wire/frame.js';
import type { Frame } from '../../../src/wire/frame.js';
import { keyProver } from '../../../src/wire/authentication.js';

interface End {
  links: Links;
  frames: Frame[];
  refused: TeesError[];
  closed: (TeesError | undefined)[];
  incoming: Link[];
}

const key = randomBytes(32);

function end(
  self: string,
  ports: Record<string, number>,
  ownKey = key,
  onFrame?: (frame: Frame) => Promise<void>,
): End {
  const result: End = { frames: [], refused: [], closed: [], incoming: [] } as unknown as End;
  result.links = new Links({
    self,
    prover: keyProver(ownKey),
    silenceDeadlineMs: DEFAULTS.silenceDeadlineMs,
    address: (node) => ({ host: '127.0.0.1', port: ports[node] as number }),
    onFrame: (link, frame) => {
      result.frames.push(frame);
      if (!result.incoming.includes(link)) result.incoming.push(link);
      return onFrame?.(frame);
    },
    onClosed: (_link, error) => void result.closed.push(error),
    onRefused: (error) => void result.refused.push(error),
  });
  return result;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  if (!condition()) throw new Error('the condition never came true');
}

test('frames pass in both directions over one connection, which is kept', async (t) => {
  const child = end('cn0', {});
  const port = await child.links.listen('127.0.0.1', 0);
  const parent = end('login', { cn0: port });
  const link = await parent.links.connect('cn0');
  t.is(await parent.links.connect('cn0'), link);
  await link.send({ t: 'unit', job: 'j', unit: 1 }, Buffer.alloc(300_000, 7));
  await until(() => child.frames.length === 1);
  t.is(child.frames[0]?.body.length, 300_000);
  t.is(child.incoming[0]?.peer, 'login');
  child.incoming[0]?.post({ t: 'delivered', job: 'j' });
  await until(() => parent.frames.length === 1);
  await parent.links.close();
  await child.links.close();
});

test('a daemon with another key is refused by name, on both sides', async (t) => {
  const child = end('cn0', {}, randomBytes(32));
  const port = await child.links.listen('127.0.0.1', 0);
  const parent = end('login', { cn0: port });
  const error = await t.throwsAsync<TeesError>(parent.links.connect('cn0'));
  t.is(error?.code, 'KEY_REJECTED');
  t.is(error?.node, 'cn0');
  await parent.links.close();
  await child.links.close();
});

test('a node that is down is named, with what to do', async (t) => {
  const parent = end('login', { cn0: 1 });
  const error = await t.throwsAsync<TeesError>(parent.links.connect('cn0'));
  t.is(error?.code, 'NODE_UNREACHABLE');
  t.is(error?.node, 'cn0');
  t.regex(error?.hint ?? '', /daemon/);
});

test('noise, a truncated hello and an early job are refused, and the daemon serves on', async (t) => {
  const child = end('cn0', {});
  const port = await child.links.listen('127.0.0.1', 0);
  const hostile = [
    randomBytes(64),
    encodeFrame({ t: 'hello', version: 1 }).subarray(0, 20),
    encodeFrame({ t: 'job', job: 'x' }),
    encodeFrame({ t: 'hello', version: 1, from: 'x', to: 'cn0', nonce: Buffer.alloc(32) }, Buffer.alloc(100)),
    encodeFrame({ t: 'hello', padding: 'x'.repeat(100_000) }),
  ];
  for (const [i, bytes] of hostile.entries()) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.end(bytes);
    await until(() => child.refused.length === i + 1);
    t.regex(child.refused[i]?.code ?? '', /^(FRAME_INVALID|FRAME_TRUNCATED|MESSAGE_INVALID)$/);
  }
  t.is(child.frames.length, 0);
  const parent = end('login', { cn0: port });
  t.true((await parent.links.connect('cn0')).isOpen);
  await parent.links.close();
  await child.links.close();
});

/** Passes bytes on to `port`, changed by `edit`. */
async function proxy(port: number, edit: (bytes: Buffer) => Buffer): Promise<Server & { port: number }> {
  const server = createServer((from: Socket) => {
    const to = connect(port, '127.0.0.1');
    from.on('data', (bytes: Buffer) => to.write(edit(bytes))).on('close', () => to.destroy());
    to.pipe(from);
    for (const socket of [from, to]) socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

test('a bit flipped on the way closes the connection with a reason, and nothing is acted on', async (t) => {
  const child = end('cn0', {});
  const port = await child.links.listen('127.0.0.1', 0);
  const between = await proxy(port, (bytes) => {
    const at = bytes.indexOf('"marker"');
    if (at >= 0) bytes.writeUInt8((bytes[at] as number) ^ 4, at);
    return bytes;
  });
  const parent = end('login', { cn0: between.port });
  const link = await parent.links.connect('cn0');
  link.post({ t: 'signal', job: 'j', signal: '"marker"' });
  await until(() => child.closed.length === 1);
  t.is(child.closed[0]?.code, 'FRAME_INVALID');
  t.is(child.frames.length, 0);
  await parent.links.close();
  await child.links.close();
  between.close();
});

test('a receiver that does not take frames holds its sender back, and memory does not grow', async (t) => {
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const child = end('cn0', {}, key, () => gate);
  const port = await child.links.listen('127.0.0.1', 0);
  const parent = end('login', { cn0: port });
  const link = await parent.links.connect('cn0');
  let sent = 0;
  const sending = (async () => {
    for (; sent < 400; sent++) await link.send({ t: 'unit', job: 'j', unit: sent }, Buffer.alloc(256 * 1024));
  })();
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.true(sent < 100, `${sent} of 400 were sent while nothing was taken`);
  release();
  await sending;
  await until(() => child.frames.length === 400);
  await parent.links.close();
  await child.links.close();
});

test('what somebody waits for passes the frames that wait for the connection, and not those before it', async (t) => {
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const child = end('cn0', {}, key, () => gate);
  const port = await child.links.listen('127.0.0.1', 0);
  const parent = end('login', { cn0: port });
  const link = await parent.links.connect('cn0');
  const sends: Promise<void>[] = [];
  const send = (unit: number, raised = false): void =>
    void sends.push(
      link.send(
        { t: 'unit', job: 'j', unit },
        Buffer.alloc(256 * 1024),
        undefined,
        raised ? 'awaited' : 'later',
      ),
    );
  for (let unit = 0; unit < 40; unit++) send(unit);
  send(100, true);
  send(101, true);
  release();
  await Promise.all(sends);
  await until(() => child.frames.length === 42);
  const order = child.frames.map(({ header }) => header['unit'] as number);
  const first = order.indexOf(100);
  t.is(order[first + 1], 101, 'in the order sent');
  t.true(first < 10, `it came as number ${first}`);
  t.deepEqual(
    order.filter((unit) => unit < 100),
    Array.from({ length: 40 }, (_, unit) => unit),
  );
  await parent.links.close();
  await child.links.close();
});
