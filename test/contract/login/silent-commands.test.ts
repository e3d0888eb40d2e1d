/**
 * Connections to the login daemon's socket that say nothing, or half of something: they are bounded in time and in
 * number, and cost neither other users nor running jobs anything.
 */
import { spawn } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoneLogin, NOBODY, errorOf, runRequest } from '../../support/hostile-command.js';
import { LoneNode } from '../../support/lone-node.js';
import { RawCommand } from '../../support/raw-command.js';
import { eventually } from '../../support/tees.js';
import { makeStore, rootTest } from '../../system/environment/fixture.js';
import { encodeFrame } from '../../../src/wire/frame.js';

const GOOD = runRequest('/nonexistent');
const REQUEST = encodeFrame(GOOD);
const MAX = 4;

/** Opens so many connections as nobody, and keeps them; says when one is open, and when one was closed. */
const CROWD = `const { connect } = require('node:net');
  const [path, count] = process.argv.slice(1);
  const say = (what) => () => process.stdout.write(what + '\\n');
  for (let i = 0; i < count; i++)
    connect(path).on('error', () => {}).on('connect', say('open')).on('close', say('closed')).resume();`;

interface Crowd {
  opened(): number;
  closed(): number;
  leave(): void;
}

function crowd(t: ExecutionContext, login: LoneLogin, count: number): Crowd {
  const identity = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const words = [...identity, process.execPath, '-e', CROWD, login.socket, String(count)];
  const child = spawn('setpriv', words, { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  t.teardown(() => child.kill('SIGKILL'));
  return {
    opened: () => said.split('open\n').length - 1,
    closed: () => said.split('closed\n').length - 1,
    leave: () => void child.kill('SIGKILL'),
  };
}

const BEGINNINGS = { nothing: 0, 'half a prefix': 3, 'a prefix': 16, half: 40, almost: REQUEST.length - 1 };

rootTest('who does not complete a request in time is told so, and hung up on', async (t) => {
  const login = await LoneLogin.start(t, makeStore(t), { requestDeadlineMs: 200 });
  for (const [said, bytes] of Object.entries(BEGINNINGS)) {
    const silent = new RawCommand(login.socket);
    silent.sendBytes(REQUEST.subarray(0, bytes));
    await silent.closed;
    const { code, message } = errorOf(silent.heard);
    t.is(code, 'REQUEST_LATE', said);
    t.regex(message, /within 0\.2 s/);
  }
});

rootTest('a request that announces a body is refused before the body comes', async (t) => {
  const login = await LoneLogin.start(t, makeStore(t));
  const heavy = new RawCommand(login.socket);
  heavy.sendBytes(encodeFrame(GOOD, Buffer.alloc(1 << 20)).subarray(0, REQUEST.length));
  await heavy.closed;
  t.is(errorOf(heavy.heard).code, 'FRAME_INVALID');
});

rootTest('a user with too many connections is told so; others, and later ones, are served', async (t) => {
  // On a busy machine the crowd would be hung up on before anybody else has asked.
  const login = await LoneLogin.start(t, makeStore(t), {
    commandsPerUserMax: MAX,
    requestDeadlineMs: 600_000,
  });
  const few = crowd(t, login, MAX);
  // Who asked before could take the place of one of them.
  await eventually('all are there', () => few.opened() === MAX || undefined);
  const refusal = await eventually('nobody is refused', async () => {
    const error = errorOf(await login.ask(REQUEST, NOBODY));
    return error.code === 'TOO_MANY_COMMANDS' ? error : undefined;
  });
  t.regex(refusal.message, /user 65534 has 4 commands/);
  t.is(errorOf(await login.ask(REQUEST)).code, 'LAYER_NOT_FOUND');
  t.is(few.closed(), 0);
  few.leave();
  await eventually(
    'nobody is served',
    async () => errorOf(await login.ask(REQUEST, NOBODY)).code === 'LAYER_NOT_FOUND',
  );
});

rootTest('very many are dropped without a word', async (t) => {
  const login = await LoneLogin.start(t, makeStore(t), { commandsPerUserMax: MAX });
  const many = crowd(t, login, 50);
  // Of those that were told, some hold on until they are hung up on.
  await eventually('only a few are left', () => many.closed() >= 50 - 2 * MAX);
  t.is(errorOf(await login.ask(REQUEST)).code, 'LAYER_NOT_FOUND');
});

rootTest('a running job goes on, however many connections its user has that say nothing', async (t) => {
  const node = await LoneNode.start(t, makeStore(t));
  const options = { port: node.port, key: node.key, requestDeadlineMs: 200, commandsPerUserMax: MAX };
  const login = await LoneLogin.start(t, makeStore(t), options);
  const store = makeStore(t);
  chmodSync(store, 0o755);
  mkdirSync(join(store, 'upper/opt'), { recursive: true });
  writeFileSync(join(store, 'upper/opt/text'), 'content\n');
  const job = new RawCommand(login.socket);
  job.send(runRequest(join(store, 'upper'), { argv: ['sh', '-c', 'cat /opt/text; cat'] }));
  await job.hears('credit');
  const others = Array.from({ length: 3 * MAX }, () => new RawCommand(login.socket));
  await Promise.all(others.map(({ closed }) => closed));
  const told = others.filter(({ heard }) => heard.length > 0).map(({ heard }) => errorOf(heard).code);
  t.deepEqual(new Set(told), new Set(['REQUEST_LATE', 'TOO_MANY_COMMANDS']));
  job.send({ t: 'stdin', eof: true }, Buffer.from('input\n'));
  const over = await job.hears('over');
  t.is(over['status'], 0, JSON.stringify(over));
  t.is(job.output, 'content\ninput\n');
});
