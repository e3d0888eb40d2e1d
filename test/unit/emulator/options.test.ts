import test from 'ava';
import { TeesError } from '../../../src/base/errors.js';
import { defaultStateDirectory, parseRate, specify } from '../../../src/emulator/options.js';
import type { ClusterOptions } from '../../../src/emulator/options.js';

test('the defaults are two groups of eight behind 400 Mbit/s', (t) => {
  t.like(specify({}, '/tmp/c'), {
    groups: 2,
    groupSize: 8,
    uplinkBitsPerSecond: 400e6,
    loginUplinkBitsPerSecond: undefined,
    storeSizeBytes: 2 ** 31,
    storeCacheBytes: 0,
    end: 'remove',
  });
});

test('a directory that the caller has chosen keeps its logs, and whatever else is in it', (t) => {
  t.is(specify({ stateDirectory: '/tmp/c' }, '/tmp/c').end, 'keep-logs');
  t.is(specify({ stateDirectory: '/tmp/c', keepLogs: false }, '/tmp/c').end, 'drop-logs');
  t.is(specify({}, '/tmp/c').end, 'remove');
});

test('rates have decimal units', (t) => {
  t.is(parseRate('uplink', '1.5gbit'), 1.5e9);
  t.is(parseRate('uplink', '64kbit'), 64e3);
  t.is(parseRate('uplink', 'unlimited'), undefined);
});

const WRONG: readonly ClusterOptions[] = [
  { groups: 0 },
  { groups: 65 },
  { groups: 1.5 },
  { groups: NaN },
  { groupSize: 33 },
  { uplink: '400' },
  { uplink: '0mbit' },
  { uplink: '-1mbit' },
  { loginUplink: 'fast' },
  { storeSize: '10KiB' },
  { storeSize: 'much' },
];
for (const options of WRONG) {
  test(`refused: ${JSON.stringify(options)}`, (t) => {
    const error = t.throws(() => specify(options, '/tmp/c'), { instanceOf: TeesError });
    t.is(error.code, 'CLUSTER_OPTION_INVALID');
    t.true(error.usage);
  });
}

test('a state directory in which a socket would have too long a path is refused', (t) => {
  t.notThrows(() => specify({}, '/' + 'd'.repeat(79)));
  t.throws(() => specify({}, '/' + 'd'.repeat(80)), { code: 'CLUSTER_OPTION_INVALID' });
});

test.serial('the default state directory is in XDG_RUNTIME_DIR, else in /tmp', (t) => {
  const before = process.env['XDG_RUNTIME_DIR'];
  t.teardown(() => {
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = before;
  });
  const name = `tees-cluster-${process.getuid?.()}`;
  process.env['XDG_RUNTIME_DIR'] = '/run/user/1';
  t.is(defaultStateDirectory(), `/run/user/1/${name}`);
  delete process.env['XDG_RUNTIME_DIR'];
  t.is(defaultStateDirectory(), `/tmp/${name}`);
});
