import test from 'ava';
import { WANT_RANGES_MAX } from '../../../src/base/limits.js';
import { Parent } from '../../../src/node/parent.js';
import type { Link } from '../../../src/transport/link.js';
import type { Header } from '../../../src/wire/frame.js';

function recordingParent(): { parent: Parent; posted: Header[] } {
  const posted: Header[] = [];
  const link = { post: (header: Header) => void posted.push(header) } as unknown as Link;
  const onLost = (): void => {};
  const parent = new Parent({ job: 'j', self: 'cn1', recoveryDeadlineMs: 0, onLost });
  parent.attach(link);
  return { parent, posted };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what is waited for in one turn of the event loop is asked for in one message, in the order asked', async (t) => {
  const { parent, posted } = recordingParent();
  parent.want([9, 2]);
  parent.want([11, 1]);
  parent.want([3, 1]);
  t.deepEqual(posted, []);
  await nextTurn();
  t.deepEqual(posted, [{ t: 'want', job: 'j', ranges: [9, 3, 3, 1] }]);
  parent.want([5, 1]);
  await nextTurn();
  t.deepEqual(posted.slice(1), [{ t: 'want', job: 'j', ranges: [5, 1] }]);
});

test('a new link is told what is still waited for, after what is held', async (t) => {
  const { parent, posted } = recordingParent();
  parent.ready({ orderKnown: true, held: () => [0, 5], wanted: () => [7, 2] });
  await nextTurn();
  t.deepEqual(posted, [
    { t: 'have', job: 'j', ranges: [0, 5], opened: true },
    { t: 'want', job: 'j', ranges: [7, 2] },
  ]);
});

test('of very many files several messages are made, each as long as the parent takes', async (t) => {
  const { parent, posted } = recordingParent();
  for (let file = 0; file <= WANT_RANGES_MAX; file++) parent.want([2 * file, 1]);
  await nextTurn();
  t.deepEqual(
    posted.map(({ ranges }) => (ranges as number[]).length),
    [2 * WANT_RANGES_MAX, 2],
  );
});

test('a parent that parts is none any more; what is said is kept for the next one, and nobody gives up', async (t) => {
  const links = ['cn2', 'cn3'].map((peer) => {
    const posted: Header[] = [];
    return { posted, link: { peer, post: (header: Header) => void posted.push(header) } as unknown as Link };
  });
  const [first, second] = links as [(typeof links)[0], (typeof links)[0]];
  let lost = false;
  const parent = new Parent({
    ...{ job: 'j', self: 'cn1', recoveryDeadlineMs: 60_000 },
    onLost: () => void (lost = true),
  });
  parent.attach(first.link);
  parent.parted();
  t.is(parent.link, undefined);
  parent.event('begun');
  t.deepEqual(first.posted, []);
  parent.attach(second.link);
  await nextTurn();
  t.deepEqual(
    second.posted.map((header) => header['t']),
    ['events'],
  );
  t.false(lost);
});
