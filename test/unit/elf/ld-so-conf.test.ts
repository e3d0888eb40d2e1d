import test from 'ava';
import type { ByteString } from '../../../src/base/bytes.js';
import { readLdSoConf } from '../../../src/elf/ld-so-conf.js';

function read(files: Readonly<Record<string, string>>): { directories: string[]; files: string[] } {
  const conf = readLdSoConf(
    {
      readText: (path) => files[path] as ByteString | undefined,
      expand: (pattern) => {
        const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
        return Object.keys(files).filter((path) => expression.test(path)) as ByteString[];
      },
    },
    '/etc/ld.so.conf' as ByteString,
  );
  return { directories: [...conf.directories], files: [...conf.files] };
}

test('directories, comments, blanks and the old type suffix', (t) => {
  const text = '# comment\n\n  /one/ # where\n/two=libc6\nrelative\n/one\n/\nhwcap 1 nosegneg\n';
  t.deepEqual(read({ '/etc/ld.so.conf': text }).directories, ['/one', '/two', '/']);
});

test('include, absolute and relative to the file, takes its place in the order', (t) => {
  const files = {
    '/etc/ld.so.conf': '/first\ninclude /etc/ld.so.conf.d/*.conf other/*.conf\n/last\n',
    '/etc/ld.so.conf.d/a.conf': '/a\n',
    '/etc/ld.so.conf.d/b.conf': '/b\n',
    '/etc/ld.so.conf.d/c.disabled': '/c\n',
    '/etc/other/d.conf': '/d\n',
  };
  t.deepEqual(read(files), {
    directories: ['/first', '/a', '/b', '/d', '/last'],
    files: Object.keys(files).filter((path) => !path.endsWith('disabled')),
  });
});

test('files that include each other, and that are missing', (t) => {
  const files = {
    '/etc/ld.so.conf': 'include /x\ninclude /nowhere\n',
    '/x': 'include /etc/ld.so.conf\n/x\n',
  };
  t.deepEqual(read(files).directories, ['/x']);
});

test('no configuration at all', (t) => {
  t.deepEqual(read({}), { directories: [], files: [] });
});
