/** What the trial `deploy` makes of its measurements. */
import test from 'ava';
import { lowerBound, ratio, table, verdicts } from '../../../../bench/deploy/table.js';
import { PAYLOADS, WAYS } from '../../../../bench/deploy/ways.js';
import type { Measured, PayloadResults, Round } from '../../../../bench/deploy/ways.js';

const RATE = 200e6;
const CONDITIONS = { uplinkBitsPerSecond: RATE, processors: 2 };

function measured(seconds: number, megabytes = 128): Measured {
  return {
    seconds,
    submission: seconds + 0.5,
    inBytes: megabytes * 1e6,
    outBytes: 0,
    processorSeconds: 3,
    busy: 0.5,
  };
}

function resultsOf(megabytes: number, ...rounds: readonly Round[]): PayloadResults {
  const payload = PAYLOADS.find((one) => one.megabytes === megabytes);
  if (!payload) throw new Error('no such payload');
  return { payload, groups: 8, nodes: 64, rounds, asked: WAYS.map(({ name }) => name) };
}

const GOOD: Round = {
  p2p: measured(0.8),
  random: measured(3, 900),
  'one-to-all': measured(6, 1024),
  sbcast: measured(4, 1000),
};

test('the bound is what one uplink needs for the payload', (t) => {
  t.is(lowerBound(16, RATE).toFixed(2), '0.64');
  t.is(lowerBound(333, RATE).toFixed(2), '13.32');
});

test('a ratio is the median of the ratios within each round', (t) => {
  const rounds = [
    { p2p: measured(1), sbcast: measured(2) },
    { p2p: measured(10), sbcast: measured(90) },
    { p2p: measured(100), sbcast: measured(500) },
  ];
  t.is(
    ratio(rounds, 'sbcast', 'p2p', ({ seconds }) => seconds),
    5,
  );
});

test('a round in which one of both has failed does not count', (t) => {
  const rounds = [{ p2p: measured(1), sbcast: measured(2) }, { p2p: measured(1) }];
  t.is(
    ratio(rounds, 'sbcast', 'p2p', ({ seconds }) => seconds),
    2,
  );
});

test('the table has 80 columns, and each way in each part', (t) => {
  const slow = Object.fromEntries(WAYS.map(({ name }) => [name, measured(987.654321, 98765)]));
  const results = PAYLOADS.map(({ megabytes }) => resultsOf(megabytes, slow));
  const lines = table(results, CONDITIONS).split('\n');
  t.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
  for (const { title } of WAYS) t.is(lines.filter((line) => line.startsWith(title)).length, PAYLOADS.length);
});

test('aims that are met are said to be met', (t) => {
  t.deepEqual(verdicts(resultsOf(16, GOOD), CONDITIONS), [
    'Met: 16 MB to 64 nodes arrive 5.00 times as fast as by sbcast (aim: 4).',
    'Met: 16 MB to 64 nodes take 1.25 times the lower bound (aim: 1.5).',
    'Met: 16 MB to 64 nodes put 87.2 % fewer bytes on the uplinks than Slurm sbcast (aim: 85 %).',
    'Met: 16 MB to 64 nodes put 85.8 % fewer bytes on the uplinks than random P2P (aim: 85 %).',
  ]);
});

test('each aim that is missed is named with its figure', (t) => {
  const bad = { ...GOOD, p2p: measured(2, 256) };
  const said = verdicts(resultsOf(16, bad), CONDITIONS);
  t.is(said.filter((text) => text.startsWith('Missed: ')).length, 4);
  t.regex(said.join('\n'), /The nodes used 3\.00 s of 2 processors for the whole job, so 1\.50 s at least/);
  t.is(said[0], 'Missed: 16 MB to 64 nodes arrive 2.00 times as fast as by sbcast, not 4.');
});

test('without sbcast nothing is claimed of it', (t) => {
  const without = Object.entries(GOOD).filter(([name]) => name !== 'sbcast');
  const results = resultsOf(16, Object.fromEntries(without));
  const said = verdicts(results, CONDITIONS);
  t.deepEqual(
    said.map((text) => text.split(':')[0]),
    ['Not measured', 'Met', 'Not measured', 'Met'],
  );
  t.regex(table([results], CONDITIONS), /^Slurm sbcast +failed$/m);
});

test('a payload without aims has no verdict', (t) => {
  t.deepEqual(verdicts(resultsOf(1, GOOD), CONDITIONS), []);
});
