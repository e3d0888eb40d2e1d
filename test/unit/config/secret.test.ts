import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { loadClusterKey } from '../../../src/config/secret.js';
import { directoryWith, refusal } from './documents.js';

function keyFile(t: ExecutionContext, content: string | Buffer, mode = 0o600): string {
  const file = join(directoryWith(t, {}), 'cluster.key');
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

test('64 hexadecimal digits are 32 bytes, with or without a newline', (t) => {
  const key = randomBytes(32);
  t.deepEqual(loadClusterKey(keyFile(t, key.toString('hex'))), key);
  t.deepEqual(loadClusterKey(keyFile(t, `${key.toString('hex').toUpperCase()}\n`)), key);
});

test('anything else is the key as it stands', (t) => {
  const bytes = Buffer.concat([randomBytes(31), Buffer.from([0xff, 0x0a])]);
  t.deepEqual(loadClusterKey(keyFile(t, bytes)), bytes);
});

for (const [what, content, bytes] of [
  ['an empty file', '', 0],
  ['62 hexadecimal digits', `${'ab'.repeat(31)}\n`, 31],
  ['31 bytes', Buffer.alloc(31, 0xff), 31],
] as const) {
  test(`${what} is too short`, (t) => {
    const file = keyFile(t, content);
    const error = refusal(() => loadClusterKey(file));
    t.is(error.code, 'KEY_TOO_SHORT');
    t.true(error.message.includes(`${bytes} bytes`));
    t.is(error.path, file);
    t.regex(error.hint ?? '', /openssl rand -hex 32/);
  });
}

for (const mode of [0o640, 0o604, 0o660, 0o644, 0o620, 0o610]) {
  test(`mode ${mode.toString(8)} is insecure`, (t) => {
    const file = keyFile(t, 'ab'.repeat(32), mode);
    const error = refusal(() => loadClusterKey(file));
    t.is(error.code, 'KEY_INSECURE');
    t.is(error.path, file);
    t.true(error.hint?.includes(`chmod 600 ${file}`));
  });
}

const root = process.geteuid?.() === 0;
(root ? test : test.skip)(
  `another user's file is insecure${root ? '' : ' (only root can make one)'}`,
  (t) => {
    const file = keyFile(t, 'ab'.repeat(32));
    chownSync(file, 65534, 65534);
    t.is(refusal(() => loadClusterKey(file)).code, 'KEY_INSECURE');
  },
);

test('a missing file, a directory, a pipe and a far too long file are unreadable', (t) => {
  const directory = directoryWith(t, { long: 'ab'.repeat(100_000) });
  execFileSync('mkfifo', ['-m', '600', join(directory, 'pipe')]);
  for (const name of ['missing', '.', 'pipe', 'long']) {
    const error = refusal(() => loadClusterKey(join(directory, name)));
    t.is(error.code, 'KEY_UNREADABLE', name);
    t.truthy(error.hint);
  }
});
