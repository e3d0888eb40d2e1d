/** The real daemon, but on one node (TEES_TEST_WRONG_KEY) with another cluster key than everywhere else. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const args = process.argv.slice(2);
const option = (name: string): number => args.indexOf(name) + 1;

if (args[option('--node')] === process.env['TEES_TEST_WRONG_KEY']) {
  const config = args[option('--config')] as string;
  const key = join(dirname(config), 'other.key');
  writeFileSync(key, randomBytes(32).toString('hex') + '\n', { mode: 0o600 });
  const changed = join(dirname(config), 'other.yaml');
  writeFileSync(changed, readFileSync(config, 'utf8').replace(/^keyFile:.*$/m, `keyFile: ${key}`));
  args[option('--config')] = changed;
}
const main = new URL('../../src/cli/main.js', import.meta.url).pathname;
const daemon = spawn(process.execPath, [main, 'daemon', ...args], {
  stdio: ['inherit', 'inherit', 'inherit', 3],
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => daemon.kill(signal));
daemon.on('exit', (code) => process.exit(code ?? 1));
