import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import { observedReads } from '../../../src/login/observed-reads.js';
import type { ContentWait } from '../../../src/wire/learning.js';
import { encodeContentWaits } from '../../../src/wire/learning.js';
import type { Account } from '../../../src/wire/account.js';
import { packOpened } from '../../../src/wire/opened.js';
import { manifestOfFiles } from '../planning/manifest-of-files.js';

const account = (node: string, waited: number, ...waits: ContentWait[]): Account => ({
  node,
  blocked: [],
  waits: encodeContentWaits(waits),
  task: { ran: 10, waited, waits: waits.length },
});
const traced = (from: Account, ...opened: [string, number][]): Account => ({
  ...from,
  opened: packOpened(opened.map(([path, atMs]) => ({ path: fromText(path), atMs }))),
});
const read = (path: string, atMs: number) => ({ path: fromText(path), atMs });
const MANIFEST = manifestOfFiles(['a', 1, 0], ['a2', 1, 0], ['b', 1, 1], ['c', 1, 2]);

test('the same content on two nodes is one: asked for at the earlier moment, seconds averaged over all nodes', (t) => {
  const accounts = [
    account('cn0', 3, { content: 1, atMs: 5 }),
    account('cn1', 1, { content: 0, atMs: 2 }, { content: 1, atMs: 4 }),
    { node: 'cn2', blocked: [], waits: [] },
  ];
  t.deepEqual(observedReads(accounts, MANIFEST), {
    paths: [read('a', 2), read('b', 4)],
    total: { files: 2, seconds: 2 },
    traced: false,
  });
});

test('a trace tells what was read without waiting, too, by its own name', (t) => {
  const accounts = [
    traced(account('cn0', 0), ['/c', 9], ['/a2', 3], ['/bin/sh', 1], ['/c', 11]),
    traced(account('cn1', 0), ['/c', 7], ['c', 1], ['', 1]),
  ];
  t.deepEqual(observedReads(accounts, MANIFEST), {
    paths: [read('a2', 3), read('c', 7)],
    total: { files: 0, seconds: 0 },
    traced: true,
  });
});

test('what waited on a node without a trace is read as well; a name from a trace is taken before the first one', (t) => {
  const accounts = [
    traced(account('cn0', 1, { content: 0, atMs: 2 }), ['/a2', 3]),
    account('cn1', 1, { content: 2, atMs: 8 }),
  ];
  t.deepEqual(observedReads(accounts, MANIFEST).paths, [read('a2', 3), read('c', 8)]);
});

test('what a hostile node sends as a trace counts for nothing', (t) => {
  const accounts = [{ ...account('cn0', 1), opened: Buffer.from('not packed') }];
  t.deepEqual(observedReads(accounts, MANIFEST).paths, []);
});

test('contents that there are not count for nothing', (t) => {
  const { paths, total } = observedReads([account('cn0', 1, { content: 9, atMs: 0 })], MANIFEST);
  t.deepEqual(paths, []);
  t.is(total.files, 0);
});

test('a job that ran nowhere read nothing', (t) => {
  t.deepEqual(observedReads([], MANIFEST), {
    paths: [],
    total: { files: 0, seconds: 0 },
    traced: false,
  });
});
