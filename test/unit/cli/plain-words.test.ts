import test from 'ava';
import yargs from 'yargs';
import type { CommandModule } from 'yargs';
import * as cancel from '../../../src/cli/commands/cancel.js';
import * as probe from '../../../src/cli/commands/probe.js';
import * as status from '../../../src/cli/commands/status.js';
import { readPlain } from '../../../src/cli/plain-words.js';

/** As the program has it; what yargs adds for itself is left out. */
function byYargs(name: string, module: unknown, words: readonly string[]): Record<string, unknown> {
  let read: Record<string, unknown> = {};
  const { builder, command } = module as CommandModule;
  yargs([name, ...words])
    .option('config', { type: 'string' })
    .option('cluster', { type: 'string' })
    .command(command as string, '', builder as never, (options) => void (read = options as never))
    .parseSync();
  return Object.fromEntries(Object.entries(read).filter(([key]) => !['_', '$0'].includes(key)));
}

for (const [name, { command, plain }, lines] of [
  ['cancel', cancel, ['j-1', 'j-1 --cluster /a', '--socket=/s j-1 --config c', '17', '--socket= j']],
  [
    'probe',
    probe,
    ['--nodes cn[0-3]', '--json --nodes a --timeout 5 --shape paper --bytes 1MiB --method p2p'],
  ],
  ['status', status, ['', 'j-1', '--json', '--cluster /a --json j-1']],
] as const)
  for (const line of lines)
    test(`tees ${name} ${line}: is read as yargs reads it`, (t) => {
      const words = line.split(' ').filter(Boolean);
      t.deepEqual(readPlain(words, plain) as Record<string, unknown>, byYargs(name, command, words));
    });

for (const line of ['', '--json', '--nodes a --width 3', '--nodes a b'])
  test(`tees probe ${line}: is left to yargs`, (t) => {
    t.is(readPlain(line.split(' ').filter(Boolean), probe.plain), undefined);
  });

for (const line of [
  '',
  'a b',
  '--help',
  '-h',
  'j --jsn',
  'j --json',
  'j --socket',
  'j --socket --config x',
  'j --socket a --socket b',
  'j -- x',
  '-- j',
  'j --no-socket',
])
  test(`tees cancel ${line}: is left to yargs`, (t) => {
    t.is(readPlain(line.split(' ').filter(Boolean), cancel.plain), undefined);
  });
