/** What the node can, as `tees doctor` and the choice of a layout hear it. */
import test from 'ava';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { probeNode } from '../../../src/serving/probe.js';
import { serialMountTest, temporaryDirectory } from './served.js';

function atLeastLinux(major: number, minor: number): boolean {
  const [m, n] = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number) as [
    number,
    number,
  ];
  return m > major || (m === major && n >= minor);
}

/** Of other tests there are more at the same time. */
function mountsBelow(directory: string): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => line.includes(directory));
}

serialMountTest('the node is tried, each thing with a sentence, and nothing of it is left', async (t) => {
  const directory = temporaryDirectory(t);
  const results = await probeNode(directory);
  t.deepEqual(mountsBelow(directory), []);
  t.is(execFileSync('ls', ['-A', directory], { encoding: 'utf8' }), '');
  const ok = Object.fromEntries(results.map((result) => [result.name, result.ok]));
  t.true(ok['/dev/fuse'] && ok['FUSE mounts']);
  t.is(ok['data-only layers'], atLeastLinux(6, 5));
  t.is(ok['FUSE resend'], atLeastLinux(6, 9));
  for (const { explanation } of results) t.regex(explanation, /\.$|=0$/);
});

test('where nothing can be tried, nothing works, and it says so', async (t) => {
  const results = await probeNode('/nonexistent/directory');
  t.false(results.find(({ name }) => name === 'data-only layers')?.ok);
});
