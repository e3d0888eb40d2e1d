/** What a task may not ask the kernel for, and what an administrator allows by name. */
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ALLOWANCES } from '../../../src/config/allowances.js';
import type { Allowance } from '../../../src/config/allowances.js';
import { ATTACKER } from '../../attack/ground.js';
import { compile } from '../../support/compile.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { makeJob, rootTest, runTask } from './fixture.js';

/** Ways of test/attack/attacker.c. */
const WAYS: readonly (readonly [Allowance, string])[] = [
  ['keyrings', 'keyring'],
  ['namespaces', 'namespace user'],
  ['namespaces', 'clone3'],
  ['io-uring', 'io_uring'],
  ['perf', 'perf'],
];

rootTest('each is refused, unless it alone is allowed', async (t) => {
  t.timeout(60_000);
  const directory = temporaryDirectory('filter');
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  chmodSync(directory, 0o755);
  const attacker = join(directory, 'attacker');
  await compile(attacker, ATTACKER);
  const job = await makeJob(t);
  const tried = async (words: string, allow: readonly Allowance[]): Promise<string> => {
    const argv = [attacker, ...words.split(' ')];
    return (await runTask(job, argv, { environment: { bind: [directory], allow } })).stdout;
  };
  for (const [name, words] of WAYS) {
    t.notRegex(await tried(words, []), /GAINED/, words);
    const others = ALLOWANCES.filter((one) => one !== name);
    t.notRegex(await tried(words, others), /GAINED/, `${words}, with others allowed`);
    t.regex(await tried(words, [name]), /GAINED/, `${words}, allowed`);
  }
  t.notRegex(await tried('type', ALLOWANCES), /GAINED/);
});
