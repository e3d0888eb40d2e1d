import { randomBytes } from 'node:crypto';
import test from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import { Acceptor, Connector } from '../../../src/wire/authentication.js';
import type { Header } from '../../../src/wire/frame.js';

const key = randomBytes(32);

function shake(connector: Connector, acceptor: Acceptor): [string | undefined, string | undefined] {
  const challenge = acceptor.receive(connector.hello()).reply as Header;
  const proof = connector.receive(challenge).reply as Header;
  const accepted = acceptor.receive(proof);
  return [connector.receive(accepted.reply as Header).peer, accepted.peer];
}

test('with the same key each side learns who the other is', (t) => {
  t.deepEqual(shake(new Connector(key, 'login', 'cn0'), new Acceptor(key, 'cn0')), ['cn0', 'login']);
});

test('the connector refuses an acceptor with another key, and names it', (t) => {
  const error = t.throws(
    () => shake(new Connector(key, 'login', 'cn0'), new Acceptor(randomBytes(32), 'cn0')),
    {
      instanceOf: TeesError,
    },
  );
  t.is(error.code, 'KEY_REJECTED');
  t.is(error.node, 'cn0');
});

test('the acceptor refuses a proof under another key', (t) => {
  const acceptor = new Acceptor(key, 'cn0');
  acceptor.receive(new Connector(key, 'login', 'cn0').hello());
  const error = t.throws(() => acceptor.receive({ t: 'proof', proof: randomBytes(32) }), {
    instanceOf: TeesError,
  });
  t.is(error.code, 'KEY_REJECTED');
});

test("an acceptor's proof sent back to it is no connector's proof", (t) => {
  const acceptor = new Acceptor(key, 'cn0');
  const challenge = acceptor.receive(new Connector(key, 'login', 'cn0').hello()).reply as Header;
  t.throws(() => acceptor.receive({ t: 'proof', proof: challenge['proof'] }), { instanceOf: TeesError });
});

test('a proof recorded from another exchange is refused', (t) => {
  const connector = new Connector(key, 'login', 'cn0');
  const first = new Acceptor(key, 'cn0');
  const proof = connector.receive(first.receive(connector.hello()).reply as Header).reply as Header;
  const second = new Acceptor(key, 'cn0');
  second.receive(connector.hello());
  t.throws(() => second.receive(proof), { instanceOf: TeesError });
});

test('a welcome without a challenge before it is refused', (t) => {
  const error = t.throws(() => new Connector(key, 'login', 'cn0').receive({ t: 'welcome' }), {
    instanceOf: TeesError,
  });
  t.is(error.code, 'KEY_REJECTED');
});

test('a node that was called by the wrong name says so', (t) => {
  const error = t.throws(() => new Acceptor(key, 'cn1').receive(new Connector(key, 'login', 'cn0').hello()), {
    instanceOf: TeesError,
  });
  t.is(error.code, 'NODE_MISADDRESSED');
});

test('an unauthenticated job frame is refused', (t) => {
  t.throws(() => new Acceptor(key, 'cn0').receive({ t: 'job', job: 'x' }), { instanceOf: TeesError });
});
