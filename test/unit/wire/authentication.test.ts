import { randomBytes } from 'node:crypto';
import test from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import { Acceptor, Connector, keyProver } from '../../../src/wire/authentication.js';
import type { Header } from '../../../src/wire/frame.js';

const key = keyProver(randomBytes(32));

async function shake(
  connector: Connector,
  acceptor: Acceptor,
): Promise<[string | undefined, string | undefined]> {
  const challenge = (await acceptor.receive(connector.hello())).reply as Header;
  const proof = (await connector.receive(challenge)).reply as Header;
  const accepted = await acceptor.receive(proof);
  return [(await connector.receive(accepted.reply as Header)).peer, accepted.peer];
}

test('with the same key each side learns who the other is', async (t) => {
  t.deepEqual(await shake(new Connector(key, 'login', 'cn0'), new Acceptor(key, 'cn0')), ['cn0', 'login']);
});

test('the connector refuses an acceptor with another key, and names it', async (t) => {
  const error = await t.throwsAsync(
    () => shake(new Connector(key, 'login', 'cn0'), new Acceptor(keyProver(randomBytes(32)), 'cn0')),
    {
      instanceOf: TeesError,
    },
  );
  t.is(error.code, 'KEY_REJECTED');
  t.is(error.node, 'cn0');
});

test('the acceptor refuses a proof under another key', async (t) => {
  const acceptor = new Acceptor(key, 'cn0');
  await acceptor.receive(new Connector(key, 'login', 'cn0').hello());
  const error = await t.throwsAsync(() => acceptor.receive({ t: 'proof', proof: randomBytes(32) }), {
    instanceOf: TeesError,
  });
  t.is(error.code, 'KEY_REJECTED');
});

test("an acceptor's proof sent back to it is no connector's proof", async (t) => {
  const acceptor = new Acceptor(key, 'cn0');
  const challenge = (await acceptor.receive(new Connector(key, 'login', 'cn0').hello())).reply as Header;
  await t.throwsAsync(() => acceptor.receive({ t: 'proof', proof: challenge['proof'] }), {
    instanceOf: TeesError,
  });
});

test('a proof recorded from another exchange is refused', async (t) => {
  const connector = new Connector(key, 'login', 'cn0');
  const first = new Acceptor(key, 'cn0');
  const challenge = (await first.receive(connector.hello())).reply as Header;
  const proof = (await connector.receive(challenge)).reply as Header;
  const second = new Acceptor(key, 'cn0');
  await second.receive(connector.hello());
  await t.throwsAsync(() => second.receive(proof), { instanceOf: TeesError });
});

test('a welcome without a challenge before it is refused', async (t) => {
  const error = await t.throwsAsync(() => new Connector(key, 'login', 'cn0').receive({ t: 'welcome' }), {
    instanceOf: TeesError,
  });
  t.is(error.code, 'AUTHENTICATION_FAILED');
});

test('a node that was called by the wrong name says so', async (t) => {
  const error = await t.throwsAsync(
    () => new Acceptor(key, 'cn1').receive(new Connector(key, 'login', 'cn0').hello()),
    {
      instanceOf: TeesError,
    },
  );
  t.is(error.code, 'NODE_MISADDRESSED');
});

test('an unauthenticated job frame is refused', async (t) => {
  await t.throwsAsync(() => new Acceptor(key, 'cn0').receive({ t: 'job', job: 'x' }), {
    instanceOf: TeesError,
  });
});

test('a node that expects other means says so', async (t) => {
  const munge = { means: 'munge', prove: () => Buffer.from('credential'), check: () => {} } as const;
  const error = await t.throwsAsync(
    async () => new Acceptor(key, 'cn0').receive(new Connector(munge, 'login', 'cn0').hello()),
    { instanceOf: TeesError },
  );
  t.is(error.code, 'AUTHENTICATION_DIFFERS');
  t.is(error.node, 'cn0');
});
