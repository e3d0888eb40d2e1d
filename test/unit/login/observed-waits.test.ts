import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import { observedWaits } from '../../../src/login/observed-waits.js';
import type { ContentWait } from '../../../src/wire/learning.js';
import { encodeContentWaits } from '../../../src/wire/learning.js';
import type { Account } from '../../../src/wire/messages.js';
import { manifestOfFiles } from '../planning/manifest-of-files.js';

const account = (node: string, waited: number, ...waits: ContentWait[]): Account => ({
  node,
  blocked: [],
  waits: encodeContentWaits(waits),
  task: { ran: 10, waited, waits: waits.length },
});
const MANIFEST = manifestOfFiles(['a', 1, 0], ['a2', 1, 0], ['b', 1, 1]);

test('the same content on two nodes is one: asked for at the earlier moment, waits averaged over all nodes', (t) => {
  const accounts = [
    account('cn0', 3, { content: 1, atMs: 5, waitedMs: 30 }),
    account('cn1', 1, { content: 0, atMs: 2, waitedMs: 10 }, { content: 1, atMs: 4, waitedMs: 10 }),
    { node: 'cn2', blocked: [], waits: [] },
  ];
  t.deepEqual(observedWaits(accounts, MANIFEST), {
    paths: [
      { path: fromText('a'), atMs: 2, waitedMs: 5 },
      { path: fromText('b'), atMs: 4, waitedMs: 20 },
    ],
    total: { files: 2, seconds: 2 },
  });
});

test('contents that there are not count for nothing', (t) => {
  const { paths, total } = observedWaits([account('cn0', 1, { content: 9, atMs: 0, waitedMs: 1 })], MANIFEST);
  t.deepEqual(paths, []);
  t.is(total.files, 0);
});

test('a job that ran nowhere waited for nothing', (t) => {
  t.deepEqual(observedWaits([], MANIFEST), { paths: [], total: { files: 0, seconds: 0 } });
});
