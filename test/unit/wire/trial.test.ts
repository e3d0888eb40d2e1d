import test from 'ava';
import type { TeesError } from '../../../src/base/errors.js';
import { TRIAL_DURATION_MAX_MS, TRIAL_NODES_MAX, TRIAL_UNITS_MAX } from '../../../src/base/limits.js';
import { decodeTrial, encodeTrial } from '../../../src/wire/trial.js';
import type { TrialMessage } from '../../../src/wire/trial.js';

const leaf = (name: string) => ({ name, runs: true, known: true, children: [] });
const START = {
  t: 'trial',
  id: '1',
  subtree: { ...leaf('cn0'), children: [leaf('cn1')] },
  source: false,
  digest: Buffer.alloc(32, 7),
  window: 4,
  unitsMax: 100,
  durationMs: 1000,
} as const;
const error = { code: 'TRIAL_LATE', message: 'late' };

for (const message of [
  START,
  { t: 'trialReady', id: '1' },
  { t: 'trialUnit', id: '1', n: 5 },
  { t: 'trialGot', id: '1', n: 5, node: 'cn1' },
  { t: 'trialEnd', id: '1' },
  { t: 'trialled', id: '1', times: [{ node: 'cn1', sent: [1, 2], got: [3] }] },
  { t: 'trialFailed', id: '1', error },
] as const satisfies readonly TrialMessage[])
  test(`${message.t} is read as it was written`, (t) => {
    t.deepEqual(decodeTrial(encodeTrial(message)), message);
  });

const many = Array.from({ length: TRIAL_NODES_MAX }, (_, i) => leaf(`n${i}`));
for (const [what, header] of [
  ['a trial without an end', { ...encodeTrial(START), durationMs: TRIAL_DURATION_MAX_MS + 1 }],
  ['a trial of very many units', { ...encodeTrial(START), unitsMax: TRIAL_UNITS_MAX + 1 }],
  ['a trial without a digest', { ...encodeTrial(START), digest: Buffer.alloc(31) }],
  ['a trial of very many nodes', encodeTrial({ ...START, subtree: { ...leaf('cn0'), children: many } })],
  ['a trial without a source', { ...encodeTrial(START), source: 1 }],
  ['a unit without a number', { t: 'trialUnit', id: '1', n: -1 }],
  ['times that are none', { t: 'trialled', id: '1', times: [{ node: 'cn1', sent: [-1], got: [] }] }],
  ['something else', { t: 'trialogue', id: '1' }],
] as const)
  test(`${what} is refused`, (t) => {
    t.is(t.throws<TeesError>(() => decodeTrial(header))?.code, 'MESSAGE_INVALID');
  });
