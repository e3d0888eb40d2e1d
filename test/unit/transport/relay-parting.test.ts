import test from 'ava';
import type { Link } from '../../../src/transport/link.js';
import { RelayChildren } from '../../../src/transport/relay-children.js';
import type { Subtree } from '../../../src/wire/job.js';
import type { Header } from '../../../src/wire/frame.js';
import { SPEC, leaf } from '../../support/job-parts.js';

async function open(
  ...subtrees: Subtree[]
): Promise<{ children: RelayChildren; said: Map<string, string[]> }> {
  const said = new Map<string, string[]>();
  const nothing = (): void => {};
  const children = new RelayChildren(
    { spec: SPEC, recoveryDeadlineMs: 0, repairDelayMs: 0 },
    {
      connect: (node) => {
        const kinds: string[] = [];
        said.set(node, kinds);
        const post = (header: Header): void => void kinds.push(header['t'] as string);
        return Promise.resolve({ peer: node, post } as unknown as Link);
      },
      ...{ onAdded: nothing, onRemoved: nothing, onAttached: nothing, onKnown: nothing, onAway: nothing },
      ...{ onStranded: nothing, onBack: nothing, onSlow: nothing, onLost: nothing },
    },
  );
  for (const subtree of subtrees) children.add(subtree);
  await children.open();
  return { children, said };
}

test('a child that is none any more is told: nobody may have told it, and it would wait for ever', async (t) => {
  const { children, said } = await open(leaf('a'), leaf('b'));
  children.replant(1, [leaf('b')]);
  t.deepEqual(said.get('a'), ['job', 'parted']);
  t.deepEqual(said.get('b'), ['job']);
});

test('a child speaks for those below it', async (t) => {
  const { children } = await open(leaf('a', leaf('c')));
  t.notThrows(() => children.get('a')?.checkSpeaksFor('c'));
  t.throws(() => children.get('a')?.checkSpeaksFor('d'), { code: 'MESSAGE_INVALID' });
});

test('since the tree has changed, a child brings what others have told who were below it elsewhere', async (t) => {
  const { children } = await open(leaf('a'));
  children.replant(1, [leaf('a', leaf('c')), leaf('b')]);
  for (const name of ['a', 'b']) t.notThrows(() => children.get(name)?.checkSpeaksFor('d'));
});
