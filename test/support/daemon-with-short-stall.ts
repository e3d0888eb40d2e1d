/** The real daemon, with a stall deadline of two seconds. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const args = process.argv.slice(2);
const at = args.indexOf('--config') + 1;
const config = args[at] as string;
const changed = `${config}.${process.pid}.yaml`;
writeFileSync(
  changed,
  readFileSync(config, 'utf8').replace(/^stallDeadline:.*\n/m, '') + 'stallDeadline: 2s\n',
);
args[at] = changed;

const main = new URL('../../src/cli/main.js', import.meta.url).pathname;
const daemon = spawn(process.execPath, [main, 'daemon', ...args], {
  stdio: ['inherit', 'inherit', 'inherit', 3],
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => daemon.kill(signal));
daemon.on('exit', (code) => process.exit(code ?? 1));
