/**
 * Manual pages from what the program and the documents say themselves.
 * Usage: node manual.mjs PROGRAM OUTPUT_DIRECTORY, from the root of the repository
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [program, directory] = process.argv.slice(2);
const { description, version } = JSON.parse(readFileSync('package.json', 'utf8'));

const escape = (text) =>
  text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/gm, '\\&$1');
const page = (name, section, title, body) =>
  `.TH ${name.toUpperCase()} ${section} "" "TEES ${version}"\n.SH NAME\n${escape(name)} \\- ${escape(title)}\n${body}`;
const literal = (text) => `.nf\n${escape(text.trimEnd())}\n.fi\n`;

function help(...words) {
  return execFileSync(program, [...words, '--help'], {
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: '76' },
  });
}

/** `  tees layer scan   what it does` */
function commandsIn(text, words) {
  const prefix = ['tees', ...words].join(' ');
  const lines = (text.split('\nCommands:\n')[1] ?? '').split('\n\n')[0].split('\n');
  return lines.flatMap((line) => {
    const match = line.startsWith(`  ${prefix} `) && /^[a-z]+/.exec(line.slice(prefix.length + 3));
    return match ? [match[0]] : [];
  });
}

function sections(...words) {
  const text = help(...words);
  const own = words.length === 0 ? '' : `.SS ${escape(['tees', ...words].join(' '))}\n${literal(text)}`;
  return (
    own +
    commandsIn(text, words)
      .map((word) => sections(...words, word))
      .join('')
  );
}

/** The rows of the table of keys: | `key` | values | default | meaning | */
function keys() {
  const rows = readFileSync('docs/configuration.md', 'utf8').matchAll(
    /^\| `([^`]+)` *\| (.*?) *\| (.*?) *\| (.*?) *\|$/gm,
  );
  const plain = (text) => escape(text.replace(/`/g, '').replace(/\[([^\]]+)\]\([^)]+\)/g, '$1'));
  return [...rows]
    .map(
      ([, key, values, usual, meaning]) =>
        `.TP\n.B ${escape(key)}\n${plain(meaning)}\n.br\n${plain(values)}; default: ${plain(usual)}\n`,
    )
    .join('');
}

function write(section, name, text) {
  mkdirSync(join(directory, `man${section}`), { recursive: true });
  writeFileSync(join(directory, `man${section}`, `${name}.${section}.gz`), gzipSync(text, { level: 9 }));
}

const files = `.SH FILES
.TP
.I /etc/tees/tees.yaml
The cluster's configuration: see
.BR tees.yaml (5).
.TP
.I /etc/tees/cluster.key
The cluster's key, for root alone.
.TP
.I /run/tees/tees.sock
The login daemon.
.SH EXIT STATUS
That of the command which was run; 2 when it was asked for wrongly, 1 for other failures. Each error has a code, which
.I /usr/share/doc/tees/operations.md
explains.
.SH SEE ALSO
.BR tees.yaml (5)
`;
write(
  1,
  'tees',
  page(
    'tees',
    1,
    description,
    `.SH SYNOPSIS\n${literal('tees COMMAND')}.SH DESCRIPTION\n${literal(help())}.SH COMMANDS\n${sections()}${files}`,
  ),
);
write(
  5,
  'tees.yaml',
  page(
    'tees.yaml',
    5,
    'the configuration of a TEES cluster',
    `.SH DESCRIPTION\nOne file for every daemon and command of a cluster. An example lies in\n.IR /usr/share/doc/tees/tees.example.yaml ;\n.B tees config check\nsays what is wrong with one, and where.\n.SH KEYS\n${keys()}.SH SEE ALSO\n.BR tees (1)\n`,
  ),
);
