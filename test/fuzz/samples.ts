/** One valid frame of each kind, and more of those that have much in them. */
import { PROTOCOL_VERSION } from '../../src/wire/authentication.js';
import { encodeProbe } from '../../src/wire/probe.js';
import { encodeMessage } from '../../src/wire/messages.js';
import type { Header } from '../../src/wire/frame.js';
import { directory, file, manifestOf } from '../support/manifest-parts.js';
import { NODE, jobMessage, shipmentOf } from '../support/lone-node.js';
import { runRequest } from '../support/hostile-command.js';
import type { Sample } from './mutator.js';

const LAYER = manifestOf(directory(''), directory('opt'), file('opt/text', 'good\n'));
/** Each attacker has a job of its own, which is never sent whole, and so runs nothing. */
export function attackedJob(job: string): ReturnType<typeof shipmentOf> {
  return shipmentOf(LAYER, job, { argv: ['true'] });
}

const leaf = { name: NODE, runs: true, known: false, children: [] };
const error = { code: 'LINK_LOST', message: 'text', node: NODE };
const session = 'a'.repeat(16);

const kept = (header: Header, sequence: number): Header => ({ ...header, session, sequence });

/** From a parent that knows the key, to a node. */
export function nodeSamples(job: string): readonly Sample[] {
  const { spec, document } = attackedJob(job);
  return [
    { header: jobMessage(spec) },
    { header: jobMessage({ ...spec, job: `${job}-other` }) },
    { header: encodeMessage({ t: 'unit', job, unit: 0 }), body: Buffer.alloc(document.length) },
    { header: encodeMessage({ t: 'unit', job, unit: 1 }), body: Buffer.from('good\n') },
    {
      header: kept(encodeMessage({ t: 'stdin', job, node: NODE, at: 0, eof: false }), 1),
      body: Buffer.from('x'),
    },
    { header: kept(encodeMessage({ t: 'signal', job, signal: 'SIGTERM' }), 2) },
    { header: encodeMessage({ t: 'stored', job, segments: 3 }) },
    { header: encodeMessage({ t: 'publish', job }) },
    { header: encodeMessage({ t: 'tree', job, epoch: 1, subtree: leaf }) },
    { header: encodeMessage({ t: 'moved', job }) },
    { header: encodeMessage({ t: 'parted', job }) },
    { header: encodeMessage({ t: 'settled', job, of: session, sequences: [1, 2] }) },
    // What only a child may say.
    { header: encodeMessage({ t: 'have', job, ranges: [0, 1], opened: true }) },
    { header: encodeMessage({ t: 'want', job, ranges: [0, 1] }) },
    {
      header: kept(encodeMessage({ t: 'events', job, events: [{ node: NODE, event: 'failed', error }] }), 3),
    },
    { header: kept(encodeMessage({ t: 'gone', job }), 4) },
    { header: encodeProbe({ t: 'probe', id: 'p', timeoutMs: 100, subtree: leaf }) },
    { header: encodeProbe({ t: 'echo', id: 'p', n: 1 }) },
    { header: { t: 'ping' } },
    {
      header: {
        t: 'hello',
        version: PROTOCOL_VERSION,
        means: 'key',
        from: 'login',
        to: NODE,
        nonce: Buffer.alloc(32),
      },
    },
    { header: { t: 'proof', proof: Buffer.alloc(32) } },
  ];
}

/** From a command to the login daemon. */
export const LOGIN_SAMPLES: readonly Sample[] = [
  { header: runRequest('/nonexistent') },
  { header: runRequest('/nonexistent', { placement: { destination: '/x', force: false, sync: true } }) },
  { header: { t: 'status' } },
  { header: { t: 'cancel', job: 'none' } },
  { header: { t: 'learnt', upper: '/x', argv: ['a'], env: [], cwd: '/' } },
  { header: { t: 'forget', upper: '/x' } },
  { header: { t: 'stdin', eof: true }, body: Buffer.from('x') },
  { header: { t: 'signal', signal: 'SIGTERM' } },
];
