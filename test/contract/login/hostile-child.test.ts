/**
 * A login daemon against a child in a job's tree that knows the cluster key and sends what it should not. Each time the
 * link is closed with a reason, its job ends with that reason, and the job of another node goes on.
 */
import { connect, createServer } from 'node:net';
import type { ExecutionContext } from 'ava';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { HostileChild } from '../../support/hostile-child.js';
import { LoneLogin, errorOf, runRequest } from '../../support/hostile-command.js';
import { LoneNode, freePort } from '../../support/lone-node.js';
import { RawCommand } from '../../support/raw-command.js';
import { makeStore, rootTest } from '../../system/environment/fixture.js';
import { FRAME_BODY_MAX_BYTES, FRAME_HEADER_MAX_BYTES } from '../../../src/base/limits.js';
import type { Header } from '../../../src/wire/frame.js';

const HOSTILE = 'cn1';
/** In the tree of another job, and in no part of the hostile child's. */
const OTHER = 'cn0';

interface Case {
  readonly name: string;
  readonly code: string;
  readonly names: RegExp;
  readonly send: (child: HostileChild, job: string) => void;
}

/** A message of the job that a child may not send, or not so. */
const invalid = (name: string, names: RegExp, message: Header, code = 'MESSAGE_INVALID'): Case => ({
  name,
  code,
  names,
  send: (child, job) => child.send({ job, ...message }),
});

/** A frame as it would come, with whatever lengths and bytes. */
function frame(headerBytes: number, bodyBytes: number, header: Buffer = Buffer.alloc(0)): Buffer {
  const prefix = Buffer.alloc(16);
  prefix.write('TEES');
  prefix.writeUInt32BE(headerBytes, 4);
  prefix.writeUInt32BE(bodyBytes, 8);
  prefix.writeUInt32BE(crc32(header, crc32(prefix.subarray(0, 12))), 12);
  return Buffer.concat([prefix, header]);
}

const bytes = (name: string, names: RegExp, sent: Buffer): Case => ({
  name,
  code: 'FRAME_INVALID',
  names,
  send: (child) => child.sendBytes(sent),
});

const event = (change: Header): Header => ({
  t: 'events',
  events: [{ node: HOSTILE, event: 'urgent', ...change }],
});
const OUTPUT = { t: 'output', node: HOSTILE, stream: 'stdout', at: 0 };
const ACCOUNT = { t: 'account', node: HOSTILE, blocked: [], waits: [] };
const WAIT = { node: HOSTILE, path: '/x', seconds: 1 };

const CASES: readonly Case[] = [
  bytes('noise', /magic/, Buffer.alloc(100, 7)),
  bytes('a header without end', /outside the limits/, frame(FRAME_HEADER_MAX_BYTES + 1, 0)),
  bytes('a body without end', /exceeds the limit/, frame(100, FRAME_BODY_MAX_BYTES + 1)),
  bytes('a header that is none', /BSON/, frame(100, 0, Buffer.alloc(100, 0xff))),
  invalid('a message without a kind', /'t'/, {}),
  invalid('a message of no kind', /'t'/, { t: 'toString' }),
  invalid('a job of its own', /'t'/, { t: 'job' }),
  invalid('a unit, as a parent would', /may not send 'unit'/, { t: 'unit', unit: 0 }),
  invalid("another's standard input", /may not send 'stdin'/, {
    t: 'stdin',
    node: OTHER,
    at: 0,
    eof: true,
  }),
  invalid('a signal to its parent', /may not send 'signal'/, { t: 'signal', signal: 'SIGKILL' }),
  invalid('the end of the job', /may not send 'end'/, { t: 'end' }),
  invalid(
    'pieces that are no pairs',
    /pairs|ranges/i,
    { t: 'have', opened: false, ranges: [0, 1, 2] },
    'RANGES_INVALID',
  ),
  invalid(
    'pieces that overlap',
    /ranges/i,
    { t: 'have', opened: false, ranges: [0, 2, 1, 1] },
    'RANGES_INVALID',
  ),
  invalid('pieces below none', /ranges/, { t: 'have', opened: false, ranges: [-1, 1] }),
  invalid('pieces that are no numbers', /ranges/, { t: 'want', ranges: [0, '1'] }),
  invalid('more ranges than any', /ranges/, { t: 'want', ranges: new Array<number>(10_000).fill(1) }),
  invalid('what happened to another node', /may not speak for cn0/, event({ node: OTHER })),
  invalid('the loss of another node', /may not speak for cn0/, event({ node: OTHER, event: 'lost' })),
  invalid('what cannot happen', /event/, event({ event: 'promoted' })),
  invalid('a status that is none', /status/, event({ event: 'exited', status: 256 })),
  invalid('a failure with a code that is none', /error/, {
    ...event({ event: 'failed', error: { code: '\x1b[2J', message: 'x' } }),
  }),
  invalid('more events than a node has', /more than/, {
    t: 'events',
    events: Array.from({ length: 1000 }, () => ({ node: HOSTILE, event: 'urgent' })),
  }),
  invalid("another node's output", /may not speak for cn0/, { ...OUTPUT, node: OTHER }),
  invalid('output of no stream', /stream/, { ...OUTPUT, stream: 'stdin' }),
  invalid('output at no place', /at/, { ...OUTPUT, at: -1 }),
  invalid("another node's account", /may not speak for cn0/, { ...ACCOUNT, node: OTHER }),
  invalid('an account without end', /blocked/, { ...ACCOUNT, blocked: new Array(1001).fill(WAIT) }),
  invalid('an account in pieces', /pairs/, { ...ACCOUNT, waits: [1] }),
  invalid("another node's reads", /may not speak for cn0/, {
    t: 'waits',
    count: 1,
    waits: [{ ...WAIT, node: OTHER }],
  }),
  invalid('reads that wait for no time', /seconds/, {
    t: 'waits',
    count: 1,
    waits: [{ ...WAIT, seconds: NaN }],
  }),
  invalid('progress that is none', /nodes/, { t: 'progress', nodes: 0.5 }),
  invalid('a number without a session', /session/, { ...event({}), sequence: 1 }),
  invalid('a number that is none', /sequence/, { ...event({}), session: 's', sequence: -1 }),
  invalid('settlements without end', /sequences/, {
    t: 'settled',
    of: 's',
    sequences: new Array<number>(1025).fill(1),
  }),
  {
    // Before it was told to end.
    name: 'its farewell',
    code: 'NODE_LEFT',
    names: /has left the job/,
    send: (child, job) => {
      child.send({ t: 'gone', job });
      setTimeout(() => child.leave(), 100);
    },
  },
];

interface Stage {
  readonly login: LoneLogin;
  readonly child: HostileChild;
  readonly upper: string;
}

/** A login daemon with a real node and a hostile one. */
async function stage(t: ExecutionContext): Promise<Stage> {
  const node = await LoneNode.start(t, makeStore(t));
  const port = await freePort();
  const login = await LoneLogin.start(t, makeStore(t), { port, key: node.key });
  // The node's daemon listens on every address of a port.
  const way = createServer((socket) => {
    const onward = connect(node.port, '127.0.0.1').on('error', () => socket.destroy());
    socket
      .on('error', () => onward.destroy())
      .pipe(onward)
      .pipe(socket);
  });
  await new Promise<void>((resolve) => way.listen(port, '127.0.0.1', resolve));
  t.teardown(() => way.close());
  const child = await HostileChild.start(t, HOSTILE, node.key, { host: '127.0.0.2', port });
  const store = makeStore(t);
  chmodSync(store, 0o755);
  const upper = join(store, 'upper');
  mkdirSync(join(upper, 'opt'), { recursive: true });
  writeFileSync(join(upper, 'opt/text'), 'content\n');
  return { login, child, upper };
}

function submit({ login, upper }: Stage, nodes: string, argv: string[] = ['true']): RawCommand {
  const command = new RawCommand(login.socket);
  command.send(runRequest(upper, { nodes, argv, method: 'one-to-all' }));
  return command;
}

async function goodJobGoesOn(t: ExecutionContext, command: RawCommand): Promise<void> {
  await command.hears('credit');
  command.send({ t: 'stdin', eof: true }, Buffer.from('input\n'));
  const over = await command.hears('over');
  t.is(over['status'], 0, JSON.stringify(over));
  t.is(command.output, 'content\ninput\n');
}

rootTest('whatever a child sends, its link is closed with a reason, and other jobs go on', async (t) => {
  const all = await stage(t);
  const { login, child } = all;
  const other = submit(all, OTHER, ['sh', '-c', 'cat /opt/text; cat']);
  // Before anything is sent that should not be.
  await other.hears('credit');
  for (const { name, code, names, send } of CASES) {
    const command = submit(all, HOSTILE);
    send(child, await child.job());
    await command.hears('over');
    const error = errorOf(command.heard) as { code: string; message: string; node?: string };
    t.is(error.code, code, `${name}: ${error.message}`);
    t.regex(error.message, names, name);
    t.is(error.node, HOSTILE, name);
    const refusal = await child.refusal();
    if (code === 'NODE_LEFT') continue;
    t.is(refusal.code, code, name);
    t.true(
      login.log.some((line) => line.includes(`link to ${HOSTILE}: ${code}`)),
      name,
    );
  }
  await goodJobGoesOn(t, other);
  await goodJobGoesOn(t, submit(all, OTHER, ['sh', '-c', 'cat /opt/text; cat']));
});

rootTest('output of a child that changes its session again and again is bounded, too', async (t) => {
  const all = await stage(t);
  const command = submit(all, HOSTILE);
  const job = await all.child.job();
  command.pause();
  const body = Buffer.alloc(FRAME_BODY_MAX_BYTES, 'x');
  for (let i = 0; i < 20; i++)
    all.child.send({ ...OUTPUT, job, at: i * body.length, session: `s${i}`, sequence: 1 }, body);
  t.regex((await all.child.refusal()).message, /more output was sent than there was room for/);
  command.resume();
  await command.hears('over');
  t.is(errorOf(command.heard).code, 'MESSAGE_INVALID');
});

rootTest('events that come behind output that nobody takes are bounded, too', async (t) => {
  const all = await stage(t);
  const command = submit(all, HOSTILE);
  const job = await all.child.job();
  command.pause();
  all.child.send({ ...OUTPUT, job }, Buffer.alloc(FRAME_BODY_MAX_BYTES, 'x'));
  for (let i = 0; i < 100; i++) all.child.send({ job, ...ACCOUNT });
  t.regex((await all.child.refusal()).message, /more than its nodes can have to tell/);
  command.resume();
  await command.hears('over');
  t.is(errorOf(command.heard).code, 'MESSAGE_INVALID');
});

rootTest('what a child says of another job changes nothing, nor does the same message twice', async (t) => {
  const all = await stage(t);
  const other = submit(all, OTHER, ['sh', '-c', 'cat /opt/text; cat']);
  await other.hears('credit');
  const [status] = await all.login.jobs();
  const command = submit(all, HOSTILE);
  const job = await all.child.job();
  t.truthy(status);
  for (const message of [OUTPUT, event({ event: 'failed' }), { t: 'gone' }, { t: 'delivered' }])
    all.child.send({ ...message, job: status?.job }, Buffer.from('forged'));
  for (let i = 0; i < 3; i++)
    all.child.send({ ...OUTPUT, job, session: 's', sequence: 1 }, Buffer.from('once\n'));
  for (let i = 0; i < 3; i++) all.child.send({ ...event({ event: 'exited', status: 3 }), job });
  await all.child.end();
  all.child.send({ t: 'gone', job });
  const over = await command.hears('over');
  t.is(over['status'], 3, JSON.stringify(over));
  t.is(command.output, 'once\n');
  await goodJobGoesOn(t, other);
});
