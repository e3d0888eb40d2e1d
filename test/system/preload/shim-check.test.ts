/** The shim's own parsers with the address and undefined-behaviour sanitizers, over the shared vectors and changed input. */
import test from 'ava';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../../../', import.meta.url).pathname;
const FUZZ_MS = 3_000;
const SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-g', '-O1'];

test('replies, programs and environments of any kind do no harm', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tees-shim-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const hook = join(ROOT, 'hooks/preload');
  const sources = ['program.c', 'wait.c', 'protocol.c', 'variables.c'].map((name) => join(hook, name));
  const check = join(directory, 'shim-check');
  const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', `-I${hook}`, ...SANITIZE];
  execFileSync('gcc', [...flags, '-o', check, join(ROOT, 'test/system/preload/shim-check.c'), ...sources]);
  const vectors = join(hook, 'protocol-vectors.txt');
  const said = execFileSync(check, [vectors, process.execPath, directory, String(FUZZ_MS)], {
    encoding: 'utf8',
  });
  t.is(said, 'vectors 19 rounds many\n');
});
