import test from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import { LauncherMessageReader, failureToError } from '../../../src/environment/launcher-messages.js';

function message(kind: string, ...fields: string[]): Buffer {
  const payload = Buffer.from(fields.map((field) => field + '\0').join(''));
  const header = Buffer.alloc(5);
  header.write(kind);
  header.writeUInt32LE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

test('messages are found again however the stream is cut', (t) => {
  const stream = Buffer.concat([
    message('N', '/a b', '2'),
    message('E', 'execute', '/x', '13'),
    message('R'),
  ]);
  for (const step of [1, 2, 7, stream.length]) {
    const reader = new LauncherMessageReader();
    const found = [];
    for (let at = 0; at < stream.length; at += step)
      found.push(...reader.push(stream.subarray(at, at + step)));
    t.deepEqual(found, [
      { kind: 'left-out', path: '/a b', errno: 2 },
      { kind: 'failed', what: 'execute', path: '/x', errno: 13 },
      { kind: 'running' },
    ]);
  }
});

test('a launcher of another version is refused, and the error says so', (t) => {
  for (const length of [0, 33, 37]) {
    const hello = Buffer.alloc(5 + length);
    hello.write('H');
    hello.writeUInt32LE(length, 1);
    const error = t.throws(() => new LauncherMessageReader().push(hello), { instanceOf: TeesError });
    t.regex(error.message, /another version/);
  }
});

test('what is no message is refused', (t) => {
  for (const bytes of [Buffer.from('Zaaaa'), Buffer.from('R\xff\xff\xff\xff', 'latin1'), message('X')])
    t.throws(() => new LauncherMessageReader().push(bytes), { instanceOf: TeesError });
});

for (const [what, errno, code] of [
  ['execute', 2, 'COMMAND_NOT_FOUND'],
  ['execute', 20, 'COMMAND_NOT_FOUND'],
  ['execute', 13, 'COMMAND_NOT_EXECUTABLE'],
  ['execute', 8, 'COMMAND_NOT_EXECUTABLE'],
  ['find the interpreter', 2, 'COMMAND_NOT_EXECUTABLE'],
  ['execute', 5, 'ENVIRONMENT_FAILED'],
  ['mount the overlay', 40, 'ENVIRONMENT_FAILED'],
  ['create the namespaces', 1, 'ENVIRONMENT_FAILED'],
] as const) {
  test(`${what}, errno ${errno}: ${code}, with the path and what to do`, (t) => {
    const error = failureToError({ what, path: '/x', errno }, 'x');
    t.is(error.code, code);
    t.is(error.path, '/x');
    t.truthy(error.hint);
  });
}

test('a failure nobody has foreseen still says what was tried and the error', (t) => {
  const error = failureToError({ what: 'do something', path: '', errno: 4095 }, 'x');
  t.is(error.message, 'cannot do something: errno 4095');
  t.is(error.path, undefined);
});
