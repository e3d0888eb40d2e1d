/** Timed transfers from somebody who knows the cluster key and sends what nobody should. */
import { readdirSync, readlinkSync } from 'node:fs';
import { TRIALS_AT_ONCE_MAX, TRIAL_KEPT_UNITS } from '../../../src/base/limits.js';
import { chunkDigest } from '../../../src/image/chunks.js';
import type { Header } from '../../../src/wire/frame.js';
import { TRIAL_UNIT_BYTES, encodeTrial } from '../../../src/wire/trial.js';
import { LoneNode, NODE } from '../../support/lone-node.js';
import type { Refusal } from '../../support/lone-node.js';
import { eventually } from '../../support/tees.js';
import { makeStore, rootTest } from '../../system/environment/fixture.js';

const UNIT = Buffer.alloc(TRIAL_UNIT_BYTES, 'unit');
const leaf = (name: string) => ({ name, runs: true, known: true, children: [] });

function trial(id: string, more: object = {}): Header {
  const plan = { window: 1, unitsMax: 100, durationMs: 100 };
  const digest = chunkDigest(UNIT);
  return encodeTrial({ t: 'trial', id, subtree: leaf(NODE), source: false, digest, ...plan, ...more });
}

const unit = (id: string, n: number): Header => encodeTrial({ t: 'trialUnit', id, n });

/** Files without a name that lie in the store and are open. */
function kept(store: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(`${store}/#`) ? [path] : [];
    } catch {
      return [];
    }
  });
}

const heard = (node: LoneNode, kind: string, id: string): Promise<Header> =>
  eventually(`${kind} of ${id}`, () =>
    node.heard.find((header) => header['t'] === kind && header['id'] === id),
  );

rootTest('units are confirmed one by one, and nothing is left of them', async (t) => {
  const store = makeStore(t);
  const node = await LoneNode.start(t, store);
  const link = await node.link();
  link.post(trial('a'));
  await heard(node, 'trialReady', 'a');
  const count = 3 * TRIAL_KEPT_UNITS;
  for (let n = 0; n < count; n++) link.post(unit('a', n), UNIT);
  await eventually(
    'all confirmations',
    () => node.heard.filter(({ t }) => t === 'trialGot').length === count,
  );
  t.deepEqual(
    node.heard.filter(({ t }) => t === 'trialGot').map(({ n }) => n),
    Array.from({ length: count }, (_, n) => n),
  );
  t.is(kept(store).length, 1);
  link.post(encodeTrial({ t: 'trialEnd', id: 'a' }));
  await eventually('the end', () => kept(store).length === 0);
  link.post(unit('a', count), UNIT);
  t.is(await node.goodJob(), 0, 'what comes too late changes nothing');
  t.true(link.isOpen);
});

for (const [what, code, send] of [
  ['a unit that is not what was announced', 'CHUNK_CORRUPT', (n: number) => [n, Buffer.alloc(UNIT.length)]],
  ['a unit out of turn', 'MESSAGE_INVALID', (n: number) => [n + 1, UNIT]],
  ['a unit that is too short', 'MESSAGE_INVALID', (n: number) => [n, UNIT.subarray(1)]],
] as const)
  rootTest(`${what} closes the link with a reason, and the trial goes with it`, async (t) => {
    const store = makeStore(t);
    const node = await LoneNode.start(t, store);
    const link = await node.link();
    link.post(trial('a'));
    link.post(unit('a', 0), UNIT);
    const [n, body] = send(1) as [number, Buffer];
    link.post(unit('a', n), body);
    const error = await eventually('a refusal', () => node.lost.find(Boolean));
    t.is(error.code, code);
    await eventually('nothing left', () => kept(store).length === 0);
    t.is(await node.goodJob(), 0);
  });

rootTest('a trial for another, too many of them, and children that are not there are refused', async (t) => {
  const store = makeStore(t);
  const node = await LoneNode.start(t, store);
  const link = await node.link();
  const refusal = async (id: string): Promise<string> =>
    ((await heard(node, 'trialFailed', id))['error'] as Refusal).code;
  link.post(trial('other', { subtree: leaf('cn1') }));
  t.is(await refusal('other'), 'MESSAGE_INVALID');
  for (const source of [false, true]) {
    const id = `children-${source}`;
    link.post(trial(id, { source, subtree: { ...leaf(NODE), children: [leaf('10.0.0.1')] } }));
    t.is(await refusal(id), 'NODE_UNKNOWN');
    link.post(encodeTrial({ t: 'trialEnd', id }));
  }
  for (let i = 0; i <= TRIALS_AT_ONCE_MAX; i++) link.post(trial(`many-${i}`));
  t.is(await refusal(`many-${TRIALS_AT_ONCE_MAX}`), 'TRIALS_TOO_MANY');
  t.is(kept(store).length, TRIALS_AT_ONCE_MAX);
  t.true(link.isOpen);
  link.destroy();
  await eventually('nothing left', () => kept(store).length === 0);
});
