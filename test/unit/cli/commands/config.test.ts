import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { EXAMPLE, tees } from './tees.js';

function fileWith(t: ExecutionContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'tees-check-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'cluster.key'), 'ab'.repeat(32));
  chmodSync(join(directory, 'cluster.key'), 0o600);
  writeFileSync(join(directory, 'tees.yaml'), text);
  return join(directory, 'tees.yaml');
}

const VALID = 'cluster: demo\nlogin: { name: login }\ngroups: [{ proxy: cn0 }]\nkeyFile: cluster.key\n';

test('config check shows what a configuration means', (t) => {
  const file = fileWith(t, VALID);
  const { status, stdout } = tees('config', 'check', file);
  t.is(status, 0);
  t.true(stdout.startsWith(`${file} is valid\n`));
  t.regex(stdout, /^ {2}cluster +demo: 1 group, 1 node$/m);
  t.regex(stdout, /cluster\.key \(32 bytes\)$/m);
  t.notRegex(stdout, /warning/);
});

test('config check warns of a key that the daemons would refuse', (t) => {
  const file = fileWith(t, VALID);
  chmodSync(join(file, '../cluster.key'), 0o644);
  const { status, stdout } = tees('config', 'check', file);
  t.is(status, 0);
  t.regex(stdout, /^warning: KEY_INSECURE: /m);
});

test('config check --json gives facts', (t) => {
  const { status, stdout } = tees('config', 'check', '--json', EXAMPLE);
  t.is(status, 0);
  const record = JSON.parse(stdout) as { valid: boolean; cluster: { nodes: string; nodeCount: number } };
  t.true(record.valid);
  t.is(record.cluster.nodes, 'cn[0-15]');
  t.is(record.cluster.nodeCount, 16);
});

test('config check takes the file of --config and of --cluster', (t) => {
  const file = fileWith(t, VALID);
  t.true(tees('config', 'check', '--config', file).stdout.startsWith(`${file} is valid\n`));
  t.true(tees('config', 'check', '--cluster', join(file, '..')).stdout.startsWith(`${file} is valid\n`));
});

test('config check tells file, line and key of a mistake, with status 2', (t) => {
  const file = fileWith(t, `${VALID}hook: fues\n`);
  const { status, stdout, stderr } = tees('config', 'check', file);
  t.is(status, 2);
  t.is(stdout, '');
  t.is(
    stderr,
    `tees: CONFIG_INVALID: ${file}:5: hook: "fues" is not known\n  Did you mean fuse? Allowed: fuse, preload.\n`,
  );
});

test('config check of a file that is not there ends with status 2', (t) => {
  const { status, stderr } = tees('config', 'check', '/nowhere/tees.yaml');
  t.is(status, 2);
  t.true(stderr.startsWith('tees: CONFIG_NOT_FOUND: '));
});
