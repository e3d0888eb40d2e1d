/** The Debian package: what is in it works where it lies, and knows nothing of where it was made. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { CONFIG_KEYS } from '../../src/config/parse.js';
import { ROOT } from '../support/compile.js';
import { withoutCluster } from '../support/tees.js';

const run = promisify(execFile);
const test = anyTest as TestFn<{ directory: string; unpacked: string }>;
const maybe = withoutCluster ? test.skip : test.serial;
const COMMANDS = ['run', 'shell', 'exec', 'env', 'bcast', 'layer', 'probe', 'cluster', 'doctor', 'daemon'];

test.before(async (t) => {
  t.timeout(180_000);
  const directory = mkdtempSync(join(tmpdir(), 'tees-package-'));
  const unpacked = join(directory, 'unpacked');
  t.context = { directory, unpacked };
  const { stdout } = await run('bash', [join(ROOT, 'scripts/package')]);
  await run('dpkg-deb', ['--extract', join(ROOT, stdout.trim()), unpacked]);
});

test.after.always((t) => {
  rmSync(t.context.directory, { recursive: true, force: true });
});

async function tees(unpacked: string, ...argv: string[]): Promise<string> {
  const { stdout } = await run(join(unpacked, 'usr/bin/tees'), argv, { cwd: '/' });
  return stdout;
}

function manual(unpacked: string, name: string, section: number): string {
  const path = join(unpacked, `usr/share/man/man${section}/${name}.${section}.gz`);
  return gunzipSync(readFileSync(path)).toString();
}

maybe('a job runs with what is in the package alone', async (t) => {
  t.timeout(120_000);
  const { directory, unpacked } = t.context;
  const [state, upper] = [join(directory, 'state'), join(directory, 'layer')];
  mkdirSync(join(upper, 'opt'), { recursive: true });
  writeFileSync(join(upper, 'opt/packaged'), 'it works\n');
  t.regex(
    await tees(unpacked, 'config', 'check', join(unpacked, 'usr/share/doc/tees/tees.example.yaml')),
    /is valid/,
  );
  await tees(unpacked, 'cluster', 'up', '--groups', '1', '--group-size', '2', '--state', state);
  try {
    const words = ['run', '--cluster', state, '--nodes', 'cn[0-1]', '--upper', upper, '--quiet'];
    t.regex(await tees(unpacked, ...words, '--', 'cat', '/opt/packaged'), /cn0: it works/);
    t.regex(
      await tees(unpacked, 'exec', '--cluster', state, '--', 'true').catch(String),
      /ENVIRONMENT_OF_ROOT/,
    );
  } finally {
    await tees(unpacked, 'cluster', 'down', '--state', state);
  }
});

test('the manual has every command and every key', (t) => {
  const commands = manual(t.context.unpacked, 'tees', 1);
  for (const command of COMMANDS) t.true(commands.includes(`.SS tees ${command}\n`), command);
  const keys = manual(t.context.unpacked, 'tees.yaml', 5);
  for (const key of CONFIG_KEYS) t.regex(keys, new RegExp(`^\\.B ${key}`, 'm'));
  // What a line of text begins with must not be taken for a request.
  const requests = /^\.(TH|SH|SS|nf|fi|TP|B|BR|I|IR|br)\b/;
  for (const line of [...commands.split('\n'), ...keys.split('\n')])
    if (line.startsWith('.')) t.regex(line, requests);
});

test('the shell completes commands', async (t) => {
  const { unpacked } = t.context;
  const script = `source "$1"; COMP_WORDS=(tees clu); COMP_CWORD=1; _tees_yargs_completions; echo "\${COMPREPLY[@]}"`;
  const file = join(unpacked, 'usr/share/bash-completion/completions/tees');
  const PATH = `${join(unpacked, 'usr/bin')}:${process.env['PATH']}`;
  const { stdout } = await run('bash', ['-c', script, 'bash', file], { env: { ...process.env, PATH } });
  t.is(stdout.trim(), 'cluster');
});

test('each unit starts a program of the package', (t) => {
  const units = join(t.context.unpacked, 'lib/systemd/system');
  t.deepEqual(readdirSync(units), ['tees-login.service', 'tees-node.service']);
  for (const name of readdirSync(units)) {
    const text = readFileSync(join(units, name), 'utf8');
    t.regex(text, /^ExecStart=\/usr\/bin\/tees daemon --role (login|node)/m);
    t.regex(text, /^KillMode=process$/m);
  }
});

test('nothing in it knows where it was made', (t) => {
  const found = execFileSync('sh', [
    '-c',
    `grep -rlF -- "$1" "$2" || true`,
    'sh',
    ROOT.replace(/\/$/, ''),
    t.context.unpacked,
  ]);
  t.is(found.toString(), '');
});
