import test from 'ava';
import { JobRelay } from '../../../src/transport/job-relay.js';
import type { JobRelayPort } from '../../../src/transport/job-relay.js';
import type { Link } from '../../../src/transport/link.js';
import type { SendClass } from '../../../src/transport/send-queue.js';
import type { Header } from '../../../src/wire/frame.js';
import { encodeMessage } from '../../../src/wire/messages.js';
import { SPEC, leaf } from '../../support/job-parts.js';

const PIECES = 1;

test('what a command needs to start may pass the rest of other jobs, and what is waited for passes both', async (t) => {
  const sent: [unit: unknown, kind: SendClass][] = [];
  const link = {
    peer: 'a',
    post: () => {},
    send: (header: Header, _body: Buffer, written: () => void, kind: SendClass) => {
      sent.push([header['unit'], kind]);
      written();
      return Promise.resolve();
    },
  } as unknown as Link;
  const port = {
    connect: () => Promise.resolve(link),
    readUnit: () => Promise.resolve(Buffer.alloc(1)),
    onWanted: () => {},
    onDelivered: () => {},
    onUnreadable: (error: unknown) => t.fail(String(error)),
  } as unknown as JobRelayPort;
  const relay = new JobRelay(
    { spec: SPEC, children: [leaf('a')], pieceCount: PIECES, recoveryDeadlineMs: 0, repairDelayMs: 0 },
    port,
  );
  await relay.open();
  relay.setOrder([2, 0, 1, 3], 2);
  for (let unit = 0; unit < PIECES + 4; unit++) relay.unitHeld(unit);
  const have = (ranges: number[], opened: boolean): void =>
    relay.receive(link, {
      header: encodeMessage({ t: 'have', job: 'j', ranges, opened }),
      body: Buffer.alloc(0),
    });
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
  have([], false);
  await settle();
  t.deepEqual(sent, [[0, 'urgent']], 'the document, and nothing else before it is open there');
  relay.wantChunks(3, 1);
  have([0, 1], true);
  await settle();
  t.deepEqual(sent.slice(1), [
    [4, 'awaited'],
    [3, 'urgent'],
    [1, 'urgent'],
    [2, 'later'],
  ]);
});
