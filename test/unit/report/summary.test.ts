import test from 'ava';
import { summarise } from '../../../src/report/summary.js';
import { REPORT } from './reports.js';

test('a summary tells what ran, what travelled and what waited', (t) => {
  t.is(
    summarise(REPORT),
    [
      'job        j-1: python3 solve.py',
      'nodes      2 nodes, all exited with status 0',
      'method     p2p, hook fuse (fuse-native), stacked layout',
      'layer      1,000 files, 99.0 MB, manifest 1.00 MB',
      'urgent     10 files, 9.00 MB',
      'hysteretic 990 files, 90.0 MB',
      'start      running 1.20 s after submission, 8.80 s before everything was there',
      'plan       shape 2-2-1: predicted 7.90 s, achieved 9.70 s, bound 7.84 s',
      'waits      2 reads on 2 nodes; the longest 1.50 s, cn1:',
      '           /usr/lib/libopenblas.so.0',
      'sent       200 MB by the login node',
      'uplinks    g0 through cn0: 102 MB in (1.02 of the layer), 500 B out',
      'uplinks    g1 through cn1: 100 MB in (1.00 of the layer), 500 B out',
    ].join('\n'),
  );
});

test('what was not delivered everywhere has been predicted', (t) => {
  const text = summarise({ ...REPORT, plan: { shape: 'paper', predicted: 0.0042, bound: 0.00026 } });
  t.regex(text, /^plan +shape paper: predicted 4\.20 ms, bound 0\.26 ms$/m);
});

test('no line is wider than 80 columns, whatever the names', (t) => {
  const long = 'x'.repeat(300);
  const text = summarise({
    ...REPORT,
    command: ['sh', '-c', `a\nb ${long}`],
    blocked: [{ node: 'cn0', path: `/${long}/${long}`, at: 0, seconds: 2 }],
    lost: [long, long],
    errors: [{ code: 'NODE_LOST', message: `the node ${long} is lost`, node: long }],
  });
  for (const line of text.split('\n')) t.true(line.length <= 80, line);
});

test('nodes that ended differently are told by name', (t) => {
  const text = summarise({
    ...REPORT,
    nodes: ['cn0', 'cn1', 'cn2', 'cn3'],
    exit: { cn0: 0, cn1: 0, cn2: 3 },
  });
  t.regex(text, /4 nodes: 2 with status 0; cn2 with status 3; cn3 without a status/);
});

test('many groups are told as a range', (t) => {
  const uplinks = [90, 100, 100, 100, 105].map((megabytes, i) => ({
    group: `g${i}`,
    proxy: `cn${i}`,
    inBytes: megabytes * 1e6,
    outBytes: 0,
  }));
  t.regex(summarise({ ...REPORT, uplinks }), /5 groups, 0\.90 to 1\.05 of the layer in each/);
});

test('a job that never started is summarised without times', (t) => {
  const text = summarise({
    ...REPORT,
    timeline: {},
    perNode: {},
    exit: {},
    tasks: {},
    blocked: [],
    errors: [{ code: 'NODE_UNREACHABLE', message: 'no answer', node: 'cn1' }],
  });
  t.regex(text, /none has run the command/);
  t.regex(text, /no read had to wait/);
  t.regex(text, /error +cn1: NODE_UNREACHABLE: no answer/);
  t.notRegex(text, /start/);
});

test('a command that was ended everywhere has run', (t) => {
  t.regex(summarise({ ...REPORT, exit: {} }), /2 nodes; the command ran on all and was ended/);
  const perNode = { cn0: { launched: 1 } };
  t.regex(summarise({ ...REPORT, exit: {}, perNode }), /2 nodes; the command ran on 1 and was ended/);
});

test('uplinks are not compared with a layer that is next to nothing', (t) => {
  t.notRegex(
    summarise({ ...REPORT, bytes: { ...REPORT.bytes, urgent: 100, hysteretic: 0, manifest: 100 } }),
    /uplinks/,
  );
});

test('what was learnt is told with before and after, once there is a before', (t) => {
  const now = { files: 0, seconds: 0 };
  const learning = { urgent: { files: 41, bytes: 9e6 }, first: { files: 1, bytes: 3e6 }, now };
  t.notRegex(summarise({ ...REPORT, learning }), /learnt/);
  const before = { files: 42, seconds: 12.34 };
  t.regex(
    summarise({ ...REPORT, learning: { ...learning, before } }),
    /^learnt {5}42 files, 12\.0 MB; waited for: 42 files \(12\.3 s\) in the last run, 0\n {11}now$/m,
  );
});
