import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { ROOT, read, trackedFiles } from './sources.js';

const LINES_MAX = 300;
/** Written so that this file does not find itself. */
const MACHINE_PATH = new RegExp(`(?<![\\w.$}])/(?:${['work', 'root'].join('|')})/`);
const REGISTRY_HOST = new RegExp(
  `https?://[\\w.-]*(?:${['registry', 'npmjs', 'artifactory', 'mirror'].join('|')})[\\w.-]*/`,
);

const files = trackedFiles();
const inCheckout = files ? test : test.skip;
const where = files ? '' : ' (skipped: not a git checkout)';
const texts = (files ?? []).filter((file) => !read(file).includes('\0'));

function offending(candidates: readonly string[], pattern: RegExp): string[] {
  return candidates.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 100)}`] : [],
      ),
  );
}

inCheckout(`no source file has more than ${LINES_MAX} lines${where}`, (t) => {
  const sources = texts.filter((file) => /^(src|native|hooks|test|bench|scripts)\//.test(file));
  const long = sources
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX);
  t.deepEqual(long, []);
});

inCheckout(`every source file opens with what it is for${where}`, (t) => {
  // In C the header tells it.
  const sources = texts.filter((file) => /^(src|bench)\/.*\.ts$|^(native|hooks)\/.*\.h$/.test(file));
  const silent = sources.filter((file) => !/^(?:#!.*\n)?(?:\/\*|\/\/)/.test(read(file)));
  t.deepEqual(silent, []);
});

inCheckout(`no file knows the machine it was written on${where}`, (t) => {
  t.deepEqual(offending(texts, MACHINE_PATH), []);
});

inCheckout(`no file names a package registry${where}`, (t) => {
  t.deepEqual(offending(texts, REGISTRY_HOST), []);
});

inCheckout(`links in the documents lead somewhere${where}`, (t) => {
  const broken = texts
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)\s]+)\)/g)]
        .map((match) => match[1]!.replace(/#.*$/, ''))
        .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(ROOT, dirname(file), decodeURI(target))))
        .map((target) => `${file}: ${target}`),
    );
  t.deepEqual(broken, []);
});
