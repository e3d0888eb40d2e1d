/** The text format of figures. */
import test from 'ava';
import { metricsText } from '../../../src/base/metrics.js';

test('each figure has its kind, its help and the labels', (t) => {
  const metrics = [
    { name: 'jobs', kind: 'gauge', help: 'Jobs that run.', value: 3 },
    { name: 'sent_bytes_total', kind: 'counter', help: 'Bytes.', value: 2 ** 40 },
  ] as const;
  t.is(
    metricsText(metrics, { node: 'cn0' }),
    '# HELP tees_jobs Jobs that run.\n# TYPE tees_jobs gauge\ntees_jobs{node="cn0"} 3\n' +
      '# HELP tees_sent_bytes_total Bytes.\n# TYPE tees_sent_bytes_total counter\ntees_sent_bytes_total{node="cn0"} 1099511627776\n',
  );
});

test('labels are escaped', (t) => {
  const text = metricsText([{ name: 'x', kind: 'gauge', help: 'X.', value: 0 }], { node: 'a"b\\c\nd' });
  t.true(text.endsWith('tees_x{node="a\\"b\\\\c\\nd"} 0\n'));
});
