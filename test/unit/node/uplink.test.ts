import test from 'ava';
import { parseCounters } from '../../../src/node/uplink.js';

const TEXT = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  up0:12345678      10    0    0    0     0          0         0     4321       7    0    0    0     0       0          0
`;

test('the byte counters of an interface are read, also when they touch the name', (t) => {
  t.deepEqual(parseCounters(TEXT, 'up0'), { inBytes: 12345678, outBytes: 4321 });
});

test('an interface that is not there has none', (t) => {
  t.is(parseCounters(TEXT, 'up'), undefined);
});
