import test from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import { PROBED_AT_ONCE_MAX, PROBE_ECHOES, PROBE_TIMEOUT_MAX_MS } from '../../../src/base/limits.js';
import type { Header } from '../../../src/wire/frame.js';
import { decodeProbe, encodeProbe, hopFailure } from '../../../src/wire/probe.js';
import type { ProbeMessage } from '../../../src/wire/probe.js';

const leaf = (name: string) => ({ name, runs: true, known: false, children: [] });
const error = { code: 'NODE_SILENT', message: 'nothing' };

for (const message of [
  { t: 'probe', id: '1', timeoutMs: 10, subtree: { ...leaf('cn0'), children: [leaf('cn1')] } },
  { t: 'echo', id: '1', n: 0 },
  { t: 'echoed', id: '1', n: PROBE_ECHOES },
  {
    t: 'probed',
    id: '1',
    hops: [
      { node: 'cn1', roundTrips: [1, 2], connect: 3 },
      { node: 'cn2', roundTrips: [], failure: { reason: 'silent', error } },
    ],
  },
] as const satisfies readonly ProbeMessage[])
  test(`${message.t} is read as it was written`, (t) => {
    t.deepEqual(decodeProbe(encodeProbe(message)), message);
  });

const hop = (more: object): Header => ({
  t: 'probed',
  id: '1',
  hops: [{ node: 'cn1', roundTrips: [], ...more }],
});

for (const [what, header] of [
  ['a probe without an end', { t: 'probe', id: '1', timeoutMs: PROBE_TIMEOUT_MAX_MS + 1, subtree: {} }],
  ['a probe of nobody', { t: 'probe', id: '1', timeoutMs: 1 }],
  ['an echo without a number', { t: 'echo', id: '1' }],
  ['an echo of so many', { t: 'echoed', id: '1', n: PROBE_ECHOES + 1 }],
  ['a name of such length', { t: 'echo', id: 'x'.repeat(65), n: 0 }],
  ['more round trips than echoes', hop({ roundTrips: new Array(PROBE_ECHOES + 1).fill(1) })],
  ['a reason that is none', hop({ failure: { reason: 'bored', error } })],
  ['an error that is none', hop({ failure: { reason: 'silent', error: 'x' } })],
  ['more hops than go into one', { t: 'probed', id: '1', hops: new Array(PROBED_AT_ONCE_MAX + 1).fill({}) }],
] as const)
  test(`${what} is refused`, (t) => {
    t.is(t.throws<TeesError>(() => decodeProbe(header))?.code, 'MESSAGE_INVALID');
  });

test('of an error only what can be shown travels on', (t) => {
  const long = { code: 'LINK_LOST', message: 'x'.repeat(5000), hint: 'y'.repeat(5000), node: 'cn1' };
  const message = decodeProbe(hop({ failure: { reason: 'lost', error: long } }));
  t.true(message.t === 'probed' && JSON.stringify(message.hops).length < 800);
});

const caused = (code: string, cause?: unknown): TeesError => new TeesError(code, code, { cause });
const system = (code: string): Error => Object.assign(new Error(code), { code });

for (const [reason, failure] of [
  ['refused', caused('NODE_UNREACHABLE', caused('LINK_LOST', system('ECONNREFUSED')))],
  ['unreachable', caused('NODE_UNREACHABLE', caused('LINK_LOST', system('EHOSTUNREACH')))],
  ['unreachable', caused('NODE_UNREACHABLE')],
  ['silent', caused('NODE_UNREACHABLE', caused('AUTHENTICATION_TIMEOUT'))],
  ['silent', caused('NODE_SILENT')],
  ['silent', caused('LINK_SILENT')],
  ['key', caused('KEY_REJECTED')],
  ['version', caused('VERSION_MISMATCH')],
  ['address', caused('NODE_MISADDRESSED')],
  ['lost', caused('LINK_LOST', system('ECONNRESET'))],
  ['other', caused('NODE_UNKNOWN')],
] as const)
  test(`${failure.code}, of ${String((failure.cause as Error)?.message)}, is told as ${reason}`, (t) => {
    t.is(hopFailure(failure).reason, reason);
    t.is(hopFailure(failure).error.code, failure.code);
  });
