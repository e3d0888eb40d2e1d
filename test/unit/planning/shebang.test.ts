import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ByteString } from '../../../src/base/bytes.js';
import { fromText } from '../../../src/base/bytes.js';
import { parseEnvArguments, parseShebang } from '../../../src/planning/shebang.js';
import { temporaryDirectory } from './layer.js';

/** E stands for a copy of echo: what the kernel gives it shows how it read the line. */
const LINES = [
  '#!E\n',
  '#!E',
  '#! \t E \n',
  '#!E -x\n',
  '#!E  -x  y z \t\n',
  '#!E -x\0rest\n',
  '#!E\t-x\n',
  '#!\n',
  '#!   \n',
  '# !E\n',
  ' #!E\n',
  `#!E ${'a'.repeat(400)}`,
  `#!E${' '.repeat(400)}\n`,
  `#!${' '.repeat(300)}E\n`,
  `#!E${'e'.repeat(300)}\n`,
  '#!E\r\n',
];

for (const line of LINES) {
  test(`the kernel reads ${JSON.stringify(line.length > 40 ? line.slice(0, 40) + '…' : line)} the same way`, (t) => {
    const directory = temporaryDirectory(t);
    const [echo, script] = [join(directory, 'echo'), join(directory, 'script')];
    copyFileSync('/bin/echo', echo);
    const text = Buffer.from(line.replace('E', echo), 'latin1');
    writeFileSync(script, text);
    chmodSync(script, 0o755);
    const shebang = parseShebang(text.subarray(0, 256));
    const ours =
      shebang?.interpreter === fromText(echo)
        ? [...(shebang.argument === undefined ? [] : [shebang.argument]), script, 'last'].join(' ')
        : '';
    let kernel = '';
    try {
      kernel = execFileSync(script, ['last'], { stdio: 'pipe' }).toString('latin1').trimEnd();
    } catch {
      // Not a script, or without its interpreter.
    }
    t.is(ours, kernel);
  });
}

const env = (...args: string[]) => parseEnvArguments(args.map(fromText), { A: 'a' as ByteString });
const ENV_ARGUMENTS = [
  ['P'],
  ['P', '-x', 'B=c'],
  ['B=b', 'A=', 'P', 'x'],
  ['-i', 'B=b', 'P'],
  ['-', 'P'],
  ['-u', 'A', 'P'],
  ['-uA', 'P'],
  ['--unset=A', 'P'],
  ['--ignore-environment', 'P'],
  ['-C', '/usr', 'P'],
  ['--chdir=/usr', 'P'],
  ['--', 'P', '--'],
  ['-S', 'P -x  y'],
  ['-SP -x', 'z'],
  ['-S', `B=b P 'a b' "c d" "e\\_f" g\\_h \\$i`, 'last'],
  ['-iS', 'B=b P one'],
  ['-S', '-u A P # comment'],
  ['--split-string=P one two'],
];

for (const args of ENV_ARGUMENTS) {
  test(`env ${args.join(' ')}: as env itself does`, (t) => {
    const directory = temporaryDirectory(t);
    const program = join(directory, 'P');
    writeFileSync(program, `#!/bin/sh\nprintf '%s|' "$A" "$B" "$(pwd)" "$@"\n`);
    chmodSync(program, 0o755);
    const given = args.map((arg) => arg.replace('P', program));
    const real = execFileSync('/usr/bin/env', given, { env: { A: 'a' }, cwd: '/', encoding: 'utf8' });
    const { argv, variables, directory: cwd } = env(...given);
    t.is(argv[0], fromText(program));
    const ours = [variables['A'] ?? '', variables['B'] ?? '', cwd ?? '/', ...argv.slice(1)];
    t.is(ours.map((it) => `${it}|`).join(''), real);
  });
}

test('env without a program runs none', (t) => {
  t.deepEqual(env('B=b').argv, []);
});
