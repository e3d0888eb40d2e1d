import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import { Parent } from '../../../src/node/parent.js';
import type { Link } from '../../../src/transport/link.js';
import type { Header } from '../../../src/wire/frame.js';

interface FakeLink extends Link {
  readonly posted: Header[];
  readonly destroyed: boolean;
}

function link(peer: string): FakeLink {
  const fake = {
    peer,
    posted: [] as Header[],
    destroyed: false,
    post: (header: Header) => fake.posted.push(header),
    destroy: () => (fake.destroyed = true),
  };
  return fake as unknown as FakeLink;
}

function makeParent(recoveryDeadlineMs = 10_000): { parent: Parent; lost: TeesError[] } {
  const lost: TeesError[] = [];
  const onLost = (error: TeesError): void => void lost.push(error);
  return { parent: new Parent({ job: 'j', self: 'cn1', recoveryDeadlineMs, onLost }), lost };
}

const kinds = ({ posted }: FakeLink): unknown[] => posted.map((header) => header['t']);

test('of two links from one parent the newer is right, and the older one ends', (t) => {
  const { parent } = makeParent();
  const [old, young] = [link('cn0'), link('cn0')];
  parent.attach(old);
  parent.attach(young);
  t.is(parent.link, young);
  t.true(old.destroyed);
  t.false(young.destroyed);
});

test('a link to another parent stays: other jobs may use it', (t) => {
  const { parent } = makeParent();
  const [old, young] = [link('cn0'), link('cn9')];
  parent.attach(old);
  parent.attach(young);
  t.false(old.destroyed);
});

test('each new link is told what is held and waited for, whether all is delivered, and what is not settled', (t) => {
  const { parent } = makeParent();
  const [first, second] = [link('cn0'), link('cn0')];
  parent.attach(first);
  parent.ready({ orderKnown: true, held: () => [0, 3], wanted: () => [] });
  parent.event('urgent');
  parent.delivered();
  parent.linkClosed(undefined);
  parent.event('exited', { status: 3 });
  parent.attach(second);
  t.deepEqual([...kinds(second)].sort(), ['delivered', 'events', 'events', 'have']);
  t.deepEqual(second.posted.find((header) => header['t'] === 'have')?.['ranges'], [0, 3]);
});

test('a parent that does not come back is lost, a little after it has given up itself', async (t) => {
  const { parent, lost } = makeParent(100);
  parent.attach(link('cn0'));
  parent.linkClosed(undefined);
  await sleep(500);
  t.deepEqual(lost, []);
  await sleep(2500);
  t.deepEqual(
    lost.map(({ code, node }) => [code, node]),
    [['LINK_LOST', 'cn0']],
  );
});

test('a violation of the protocol is final at once, and so is every loss without a recovery deadline', (t) => {
  const one = makeParent();
  one.parent.attach(link('cn0'));
  one.parent.linkClosed(new TeesError('MESSAGE_INVALID', 'it may not say this'));
  t.is(one.lost[0]?.code, 'MESSAGE_INVALID');
  const other = makeParent(0);
  other.parent.attach(link('cn0'));
  other.parent.linkClosed(undefined);
  t.is(other.lost[0]?.code, 'LINK_LOST');
});

test('a node that has left waits until its parent knows, and for nobody who does not come back', async (t) => {
  const { parent } = makeParent();
  parent.attach(link('cn0'));
  let over = false;
  const gone = parent.gone().then(() => (over = true));
  await sleep(20);
  t.false(over);
  parent.channel.acknowledged(parent.channel.session, [1]);
  await gone;

  const orphan = makeParent(0);
  orphan.parent.attach(link('cn0'));
  orphan.parent.linkClosed(undefined);
  await orphan.parent.gone();
  t.pass();
});
