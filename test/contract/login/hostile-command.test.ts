/** The login daemon against commands that say what they should not: each is told, and the next is served. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LoneLogin, NOBODY, errorOf, runRequest } from '../../support/hostile-command.js';
import { makeStore, rootTest } from '../../system/environment/fixture.js';
import { encodeFrame } from '../../../src/wire/frame.js';
import type { Header } from '../../../src/wire/frame.js';

const GOOD = runRequest('/nonexistent');

interface Case {
  readonly name: string;
  readonly bytes: Buffer;
  readonly code: string;
}

const changed = (change: Header): Buffer => encodeFrame({ ...GOOD, ...change });
const headerOf = (bytes: number): Buffer => {
  const prefix = Buffer.alloc(16);
  prefix.write('TEES');
  prefix.writeUInt32BE(bytes, 4);
  return prefix;
};
const CASES: readonly Case[] = [
  { name: 'noise', bytes: randomBytes(5000), code: 'FRAME_INVALID' },
  { name: 'a header without end', bytes: headerOf(0xffff_ffff), code: 'FRAME_INVALID' },
  {
    name: 'a message that is no request',
    bytes: encodeFrame({ t: 'stdin', eof: true }),
    code: 'MESSAGE_INVALID',
  },
  { name: 'a request without fields', bytes: encodeFrame({ t: 'run' }), code: 'MESSAGE_INVALID' },
  { name: 'arguments that are no texts', bytes: changed({ argv: [1, 2] }), code: 'MESSAGE_INVALID' },
  {
    name: 'more arguments than any',
    bytes: changed({ argv: Array.from({ length: 100_001 }, () => '') }),
    code: 'MESSAGE_INVALID',
  },
  { name: 'a relative layer', bytes: changed({ upper: 'x' }), code: 'LAYER_NOT_FOUND' },
  { name: 'a layer with a NUL', bytes: changed({ upper: '/a\0b' }), code: 'LAYER_NOT_FOUND' },
  { name: 'a width that is none', bytes: changed({ width: 2 ** 40 }), code: 'TREE_WIDTH_INVALID' },
  { name: 'nodes without end', bytes: changed({ nodes: 'cn[0-99999999999]' }), code: 'HOSTLIST_TOO_LONG' },
  {
    name: 'groups that are none',
    bytes: changed({ user: { uid: 1, gid: 1, groups: [2 ** 32] } }),
    code: 'MESSAGE_INVALID',
  },
];

rootTest('each is told what is wrong, and the next is served', async (t) => {
  const login = await LoneLogin.start(t, makeStore(t));
  for (const { name, bytes, code } of CASES) {
    t.is(errorOf(await login.ask(bytes, NOBODY)).code, code, name);
    t.is(errorOf(await login.ask(encodeFrame(GOOD))).code, 'LAYER_NOT_FOUND', `after ${name}`);
  }
});

rootTest('one who stops in the middle of a message holds nobody up', async (t) => {
  const login = await LoneLogin.start(t, makeStore(t));
  const silent: Socket[] = [];
  for (const length of [0, 3, 16, 40]) {
    const socket = connect(login.socket).on('error', () => {});
    socket.write(encodeFrame(GOOD).subarray(0, length));
    silent.push(socket);
  }
  t.is(errorOf(await login.ask(encodeFrame(GOOD))).code, 'LAYER_NOT_FOUND');
  for (const socket of silent) socket.destroy();
});

const UNWANTED: readonly (readonly [name: string, message: Header])[] = [
  ['an unknown signal', { t: 'signal', signal: 'SIGNOTHING' }],
  ['a signal that is a property of every object', { t: 'signal', signal: 'toString' }],
  ['a message that is none', { t: 'nonsense' }],
  ['a second request', GOOD],
];

for (const [name, message] of UNWANTED) {
  rootTest(`after its request, ${name} ends the job and nothing else`, async (t) => {
    const login = await LoneLogin.start(t, makeStore(t));
    const store = makeStore(t);
    chmodSync(store, 0o755);
    const upper = join(store, 'upper');
    mkdirSync(upper);
    chownSync(upper, NOBODY, NOBODY);
    const both = Buffer.concat([encodeFrame(runRequest(upper)), encodeFrame(message)]);
    t.is(errorOf(await login.ask(both, NOBODY)).code, 'MESSAGE_INVALID');
    t.true(
      login.log.some((line) => line.includes('MESSAGE_INVALID')),
      login.log.join('\n'),
    );
    t.is(errorOf(await login.ask(encodeFrame(GOOD))).code, 'LAYER_NOT_FOUND');
  });
}

rootTest('what every node would refuse is not sent to any', async (t) => {
  const login = await LoneLogin.start(t, makeStore(t));
  const upper = join(makeStore(t), 'upper');
  mkdirSync(upper);
  const env = Array.from({ length: 100_000 }, (_, i) => `V${i}=`);
  const error = errorOf(await login.ask(encodeFrame({ ...runRequest(upper), env })));
  t.is(error.code, 'MESSAGE_INVALID', error.message);
  t.regex(error.message, /env/);
});
