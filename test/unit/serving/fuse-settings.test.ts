import test from 'ava';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TeesError } from '../../../src/base/errors.js';
import { refuseRequestTimeouts } from '../../../src/serving/fuse-settings.js';

function settings(values: Record<string, string>): [directory: string, remove: () => void] {
  const directory = mkdtempSync(join(tmpdir(), 'tees-settings-'));
  for (const [name, value] of Object.entries(values)) writeFileSync(join(directory, name), value);
  return [directory, () => rmSync(directory, { recursive: true })];
}

for (const name of ['default_request_timeout', 'max_request_timeout']) {
  test(`a kernel that ends mounts on which a read waits is refused: ${name}`, (t) => {
    const [directory, remove] = settings({ [name]: '30\n' });
    t.teardown(remove);
    const error = t.throws(() => refuseRequestTimeouts(directory), {
      instanceOf: TeesError,
      code: 'HOOK_UNAVAILABLE',
    });
    t.is(error.hint, `As root: sysctl -w fs.fuse.${name}=0`);
  });
}

test('0 means no timeout, and kernels before 6.15 have no such settings', (t) => {
  const [directory, remove] = settings({ default_request_timeout: '0\n' });
  t.teardown(remove);
  t.notThrows(() => refuseRequestTimeouts(directory));
});
