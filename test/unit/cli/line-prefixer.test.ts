import test from 'ava';
import { LinePrefixer } from '../../../src/cli/line-prefixer.js';

function collect(): { prefixer: LinePrefixer; seen: () => string } {
  const parts: Buffer[] = [];
  const prefixer = new LinePrefixer((lines) => void parts.push(lines));
  return { prefixer, seen: () => Buffer.concat(parts).toString('latin1') };
}

test('each line stands whole behind its node, whatever the pieces it came in', async (t) => {
  const { prefixer, seen } = collect();
  await prefixer.push('cn0', Buffer.from('he'));
  await prefixer.push('cn1', Buffer.from('other\n'));
  await prefixer.push('cn0', Buffer.from('llo\nwor'));
  await prefixer.push('cn0', Buffer.from('ld\n'));
  t.is(seen(), 'cn1: other\ncn0: hello\ncn0: world\n');
});

test('a last line without a newline is not lost', async (t) => {
  const { prefixer, seen } = collect();
  await prefixer.push('cn0', Buffer.from('rest'));
  t.is(seen(), '');
  prefixer.end();
  t.is(seen(), 'cn0: rest\n');
});

test('bytes that are not UTF-8 pass as they are', async (t) => {
  const { prefixer, seen } = collect();
  await prefixer.push('cn0', Buffer.from([0xff, 0x80, 0x0a]));
  t.is(seen(), 'cn0: \xff\x80\n');
});

test('a line without end is cut, so that memory does not grow', async (t) => {
  const { prefixer, seen } = collect();
  await prefixer.push('cn0', Buffer.alloc(200_000, 'x'));
  t.true(seen().length > 128 * 1024);
});
