/** Probes from somebody who knows the cluster key and asks for what nobody should; and from a user who may ask. */
import { encodeFrame } from '../../../src/wire/frame.js';
import type { Header } from '../../../src/wire/frame.js';
import { encodeProbe } from '../../../src/wire/probe.js';
import type { ProbedHop } from '../../../src/wire/probe.js';
import { encodeProbeRequest } from '../../../src/wire/probe-question.js';
import { LoneLogin, NOBODY, errorOf } from '../../support/hostile-command.js';
import { LoneNode, NODE } from '../../support/lone-node.js';
import { eventually } from '../../support/tees.js';
import { makeStore, rootTest } from '../../system/environment/fixture.js';

const leaf = (name: string) => ({ name, runs: true, known: false, children: [] });
const probe = (id: string, children: string[], timeoutMs = 300): Header =>
  encodeProbe({ t: 'probe', id, timeoutMs, subtree: { ...leaf(NODE), children: children.map(leaf) } });

function hopsOf(node: LoneNode, id: string): Promise<ProbedHop[]> {
  return eventually('what was found', () => {
    const told = node.heard.filter((header) => header['t'] === 'probed' && header['id'] === id);
    return told.length > 0 ? told.flatMap(({ hops }) => hops as ProbedHop[]) : undefined;
  });
}

rootTest('a node connects to nobody outside of its configuration, whatever it is asked', async (t) => {
  const node = await LoneNode.start(t, makeStore(t));
  const link = await node.link();
  link.post(probe('a', ['127.0.0.1', 'login.example.org']));
  const hops = await hopsOf(node, 'a');
  t.deepEqual(
    hops.map(({ failure }) => failure?.error.code),
    ['NODE_UNKNOWN', 'NODE_UNKNOWN'],
  );
  t.true(link.isOpen);
});

rootTest('what is no probe closes the link with a reason, and the next one is served', async (t) => {
  const node = await LoneNode.start(t, makeStore(t));
  for (const message of [
    { t: 'probe', id: 'a', timeoutMs: 1e9, subtree: leaf(NODE) },
    { t: 'probe', id: 'a', timeoutMs: 1 },
    encodeProbe({ t: 'probe', id: 'a', timeoutMs: 1, subtree: leaf('cn1') }),
    {
      ...probe('a', []),
      subtree: { n: NODE, r: true, k: false, c: [{ n: NODE, r: true, k: false, c: [] }] },
    },
    { t: 'echo', id: 7, n: 0 },
    { t: 'probed', id: 'a', hops: 'all' },
  ]) {
    const before = node.lost.length;
    const link = await node.link();
    link.post(message);
    const error = await eventually('a refusal', () => node.lost.slice(before).find(Boolean));
    t.is(error.code, 'MESSAGE_INVALID', JSON.stringify(message));
  }
  (await node.link()).post(encodeProbe({ t: 'echo', id: 'a', n: 3 }));
  await eventually('an echo', () => node.heard.some(({ t, n }) => t === 'echoed' && n === 3));
  t.deepEqual(node.remains(), []);
});

rootTest('echoes and results that nobody has asked for change nothing', async (t) => {
  const node = await LoneNode.start(t, makeStore(t));
  const link = await node.link();
  for (let i = 0; i < 1000; i++) link.post(encodeProbe({ t: 'echoed', id: String(i), n: 0 }));
  link.post(encodeProbe({ t: 'probed', id: '0', hops: [{ node: 'cn1', roundTrips: [1] }] }));
  t.is(await node.goodJob(), 0);
  t.true(link.isOpen);
});

rootTest('an ordinary user may ask, and is told the path that has failed', async (t) => {
  const node = await LoneNode.start(t, makeStore(t));
  const login = await LoneLogin.start(t, makeStore(t), { port: node.port, key: node.key });
  const ask = (nodes: string, more: object = {}): Promise<Header[]> =>
    login.ask(
      encodeFrame({ ...encodeProbeRequest({ nodes, timeoutMs: 500, method: 'auto', bytes: 0 }), ...more }),
      NOBODY,
    );
  // The other addresses lead to the same daemon, which has another name.
  const answers = await ask('cn[0-1]');
  t.like(
    answers.find(({ t }) => t === 'over'),
    { status: 0 },
  );
  t.true(answers.some(({ t }) => t === 'probeOf'));
  t.is(errorOf(await ask('cn9')).code, 'NODE_UNKNOWN');
  t.is(errorOf(await ask('cn0', { timeoutMs: 5 })).code, 'PROBE_TIMEOUT_INVALID');
  t.is(errorOf(await ask('cn0', { bytes: -1 })).code, 'MESSAGE_INVALID');
});
