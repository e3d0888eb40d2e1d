import { join } from 'node:path';
import test from 'ava';
import { locateConfig } from '../../../src/config/locate.js';
import { MINIMAL, directoryWith, refusal } from './documents.js';

test('--config comes first, then --cluster, then TEES_CLUSTER', (t) => {
  const one = directoryWith(t, { 'tees.yaml': MINIMAL, 'other.yaml': MINIMAL });
  const two = directoryWith(t, { 'tees.yaml': MINIMAL });
  const env = { TEES_CLUSTER: two };
  const other = join(one, 'other.yaml');
  t.is(locateConfig({ config: other, cluster: one }, env), other);
  t.is(locateConfig({ cluster: one }, env), join(one, 'tees.yaml'));
  t.is(locateConfig({}, env), join(two, 'tees.yaml'));
});

for (const [what, options, env, path, hint] of [
  ['--config', { config: '/nowhere/tees.yaml' }, {}, '/nowhere/tees.yaml', /tees\.example\.yaml/],
  ['--cluster', { cluster: '/nowhere' }, {}, '/nowhere/tees.yaml', /tees cluster up --state \/nowhere/],
  ['TEES_CLUSTER', {}, { TEES_CLUSTER: '/nowhere' }, '/nowhere/tees.yaml', /tees cluster up/],
] as const) {
  test(`what ${what} names must exist`, (t) => {
    const error = refusal(() => locateConfig(options, env));
    t.is(error.code, 'CONFIG_NOT_FOUND');
    t.is(error.path, path);
    t.true(error.message.includes(`from ${what}`));
    t.regex(error.hint ?? '', hint);
    t.true(error.usage);
  });
}

test('a relative path is made absolute', (t) => {
  t.is(refusal(() => locateConfig({ config: 'nowhere.yaml' }, {})).path, join(process.cwd(), 'nowhere.yaml'));
});
