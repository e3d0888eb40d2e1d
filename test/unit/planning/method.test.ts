import test from 'ava';
import { THRESHOLD_NEVER } from '../../../src/config/config.js';
import { chooseMethod } from '../../../src/planning/method.js';
import { refusal } from '../config/documents.js';

const FEW = { nodeCount: 511, thresholdNodes: 512, hasStorage: true };

test('auto is shared storage below the threshold and P2P from it on', (t) => {
  t.is(chooseMethod('auto', FEW), 'shared');
  t.is(chooseMethod('auto', { ...FEW, nodeCount: 512 }), 'p2p');
});

test('a threshold of 0 is always P2P, and never always shared storage', (t) => {
  t.is(chooseMethod('auto', { ...FEW, nodeCount: 1, thresholdNodes: 0 }), 'p2p');
  t.is(chooseMethod('auto', { ...FEW, nodeCount: 1_000_000, thresholdNodes: THRESHOLD_NEVER }), 'shared');
});

test('without a storage auto is P2P, and shared is refused', (t) => {
  const none = { ...FEW, hasStorage: false };
  t.is(chooseMethod('auto', none), 'p2p');
  t.is(refusal(() => chooseMethod('shared', none)).code, 'SHARED_STORAGE_MISSING');
});

test('a method that is asked for by name is taken whatever the threshold', (t) => {
  t.is(chooseMethod('shared', { ...FEW, thresholdNodes: 0 }), 'shared');
  t.is(chooseMethod('random', FEW), 'random');
  t.is(refusal(() => chooseMethod('fast', FEW)).code, 'METHOD_UNKNOWN');
});
