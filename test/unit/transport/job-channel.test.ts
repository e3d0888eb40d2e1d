import test from 'ava';
import fc from 'fast-check';
import { JobChannel } from '../../../src/transport/job-channel.js';
import type { Settle } from '../../../src/transport/job-channel.js';
import { decodeMessage } from '../../../src/wire/messages.js';
import type { Header } from '../../../src/wire/frame.js';

interface Posted {
  readonly header: Header;
  readonly body: Buffer | undefined;
}

/** What was posted by one link, and has not arrived yet. */
class Wire {
  readonly posted: Posted[] = [];

  post(header: Header, body?: Buffer): void {
    this.posted.push({ header, body });
  }
}

function say(channel: JobChannel, text: string, settled?: Settle): void {
  channel.send({ t: 'signal', job: 'j', signal: text }, undefined, settled);
}

const signalOf = ({ header }: Posted): unknown => header['signal'];
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what is said without a link is sent by the first one, and what is not settled again by the next', (t) => {
  const channel = new JobChannel('j');
  say(channel, 'a');
  const [first, second] = [new Wire(), new Wire()];
  channel.attach(first);
  say(channel, 'b');
  t.deepEqual(first.posted.map(signalOf), ['a', 'b']);
  channel.acknowledged(channel.session, [1]);
  channel.detach();
  say(channel, 'c');
  channel.attach(second);
  t.deepEqual(second.posted.map(signalOf), ['b', 'c']);
});

test('a message is settled once, and by nobody who means another session', (t) => {
  const channel = new JobChannel('j');
  let settled = 0;
  say(channel, 'a', () => settled++);
  channel.acknowledged('another', [1]);
  t.is(settled, 0);
  channel.acknowledged(channel.session, [1, 1]);
  channel.acknowledged(channel.session, [1]);
  t.is(settled, 1);
});

test('what was seen is passed over, and said to be settled again if it is', async (t) => {
  const [from, to] = [new JobChannel('j'), new JobChannel('j')];
  const [down, up] = [new Wire(), new Wire()];
  from.attach(down);
  to.attach(up);
  say(from, 'a');
  say(from, 'b');
  const [a, b] = down.posted as [Posted, Posted];
  to.accept(a.header)?.();
  const later = to.accept(b.header);
  await turn();
  t.deepEqual(
    up.posted.map(({ header }) => header['sequences']),
    [[1]],
  );
  t.is(to.accept(a.header), undefined);
  t.is(to.accept(b.header), undefined);
  later?.();
  later?.();
  await turn();
  t.deepEqual(
    up.posted.map(({ header }) => header['sequences']),
    [[1], [1, 2]],
  );
});

test('an end that was started again is told all that is not settled, and its own messages count anew', (t) => {
  let renewed = 0;
  const channel = new JobChannel('j', () => renewed++);
  const [before, after] = [new JobChannel('j'), new JobChannel('j')];
  const [one, two] = [new Wire(), new Wire()];
  before.attach(one);
  after.attach(two);
  say(before, 'a');
  say(before, 'b');
  say(after, 'c');
  for (const { header } of one.posted) t.truthy(channel.accept(header));
  t.is(renewed, 0);
  t.truthy(channel.accept((two.posted[0] as Posted).header));
  t.is(renewed, 1);
});

test('nothing is kept for an end that will not come back, and nobody waits for it', async (t) => {
  const channel = new JobChannel('j');
  say(channel, 'a');
  const drained = channel.drained();
  channel.abandon();
  await drained;
  const wire = new Wire();
  channel.attach(wire);
  say(channel, 'b');
  t.deepEqual(wire.posted, []);
});

test('however often links are lost, each message arrives once and in order, and all are settled', async (t) => {
  const property = fc.asyncProperty(
    fc.array(fc.constantFrom('say', 'deliver', 'cut'), { maxLength: 80 }),
    async (steps) => {
      const [from, to] = [new JobChannel('j'), new JobChannel('j')];
      let [down, up] = [new Wire(), new Wire()];
      const join = (): void => {
        [down, up] = [new Wire(), new Wire()];
        from.attach(down);
        to.attach(up);
      };
      const seen: unknown[] = [];
      const settled: unknown[] = [];
      const deliver = async (): Promise<void> => {
        const next = down.posted.shift();
        const settle = next && to.accept(next.header);
        if (next && settle) {
          seen.push(signalOf(next));
          settle();
        }
        await turn();
        const back = up.posted.shift();
        const message = back && decodeMessage(back.header);
        if (message?.t === 'settled') from.acknowledged(message.of, message.sequences);
      };
      join();
      let said = 0;
      for (const step of steps) {
        if (step === 'say') {
          const text = String(said++);
          say(from, text, () => settled.push(text));
        } else if (step === 'deliver') await deliver();
        else join();
      }
      while (down.posted.length + up.posted.length > 0) await deliver();
      const all = Array.from({ length: said }, (_, i) => String(i));
      t.deepEqual(seen, all);
      t.deepEqual(
        [...settled].sort((a, b) => Number(a) - Number(b)),
        all,
      );
    },
  );
  await fc.assert(property, { numRuns: 100 });
});
