import test from 'ava';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rewriteConfig } from '../../../src/config/rewrite.js';

function directory(t: { teardown(step: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'tees-rewrite-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('the new text has the old mode; the old one is kept; a link to it stays one', (t) => {
  const path = directory(t);
  const [file, link] = [join(path, 'tees.yaml'), join(path, 'link.yaml')];
  writeFileSync(file, 'old');
  chmodSync(file, 0o640);
  symlinkSync('tees.yaml', link);
  t.is(
    rewriteConfig(link, (text) => `${text} and new`),
    `${file}.bak`,
  );
  t.is(readFileSync(file, 'utf8'), 'old and new');
  t.is(readFileSync(`${file}.bak`, 'utf8'), 'old');
  t.is(statSync(file).mode & 0o777, 0o640);
  t.is(readlinkSync(link), 'tees.yaml');
  t.deepEqual(readdirSync(path).sort(), ['link.yaml', 'tees.yaml', 'tees.yaml.bak']);
});

test('an edit that fails leaves everything as it is', (t) => {
  const path = directory(t);
  const file = join(path, 'tees.yaml');
  writeFileSync(file, 'old');
  t.throws(() =>
    rewriteConfig(file, () => {
      throw new Error('no');
    }),
  );
  t.deepEqual(readdirSync(path), ['tees.yaml']);
  t.is(readFileSync(file, 'utf8'), 'old');
});
