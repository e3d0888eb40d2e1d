/** What administrators are given to read is true. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { CONFIG_KEYS, loadConfig, parseConfig } from '../../../src/config/parse.js';
import { MINIMAL } from './documents.js';

const EXAMPLE = new URL('../../../../tees.example.yaml', import.meta.url).pathname;
const TABLE = new URL('../../../../docs/configuration.md', import.meta.url).pathname;

test('the example configuration is valid', (t) => {
  const { cluster } = loadConfig(EXAMPLE);
  t.is(cluster.nodes.size, 17);
  t.is(cluster.nodes.get('cn7')?.address, '198.18.1.8');
  t.deepEqual(
    cluster.groups.map((group) => group.name),
    ['g0', 'g1'],
  );
});

test('what it shows commented out are the defaults', (t) => {
  const text = readFileSync(EXAMPLE, 'utf8');
  const shown =
    text.match(/^# [a-zA-Z]+: .+$/gm)?.filter((line) => !/^# (topology|proxies|sharedStorage):/.test(line)) ??
    [];
  t.true(shown.length >= 8);
  const defaults = parseConfig(MINIMAL, EXAMPLE);
  t.deepEqual(parseConfig(MINIMAL + shown.map((line) => `${line.slice(2)}\n`).join(''), EXAMPLE), defaults);
});

for (const key of CONFIG_KEYS) {
  test(`${key} stands in the example and in the table of keys`, (t) => {
    t.regex(readFileSync(EXAMPLE, 'utf8'), new RegExp(`^(# )?${key}:`, 'm'));
    t.regex(readFileSync(TABLE, 'utf8'), new RegExp(`^\\| \`${key}[.\`\\[]`, 'm'));
  });
}
