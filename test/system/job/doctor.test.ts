/** `tees doctor` on nodes of an embedded cluster, whose daemons run, and on one that lacks what it needs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterTests } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { tees } from '../../support/tees.js';

const maybe = clusterTests({ groups: 1, groupSize: 2 }, {});
const MAIN = new URL('../../../src/cli/main.js', import.meta.url).pathname;

interface Found {
  readonly findings: readonly { level: string; what: string; value: string; advice?: string }[];
}

async function doctor(t: Test, node: string, ...words: string[]) {
  const { cluster } = t.context;
  const config = join(cluster.stateDirectory, 'tees.yaml');
  const store = join(cluster.stateDirectory, `nodes/${node}/store`);
  const line = [process.execPath, MAIN, 'doctor', '--json', '--node', node, '--state', store];
  const done = await cluster.exec(node, [...line, '--config', config, ...words]);
  const { findings } = JSON.parse(done.stdout) as Found;
  return { status: done.status, by: (what: string) => findings.find((finding) => finding.what === what) };
}

maybe('on a compute node it finds the running daemon, and says how jobs are served', async (t) => {
  const { status, by } = await doctor(t, 'cn1');
  t.is(status, 0);
  t.is(by('daemon')?.level, 'ok', by('daemon')?.value);
  t.is(by('store')?.level, 'ok', by('store')?.value);
  t.regex(
    by('jobs are served by')?.value ?? '',
    /hook fuse with the engine tees, layout (data-only|stacked)/,
  );
});

maybe('on the login node it calls every node, and needs no store', async (t) => {
  const { status, by } = await doctor(t, t.context.cluster.login);
  t.is(status, 0);
  t.regex(by('nodes')?.value ?? '', /^2 of 2 answer/);
  t.is(by('login daemon')?.level, 'ok');
});

maybe('from outside it asks the login daemon of an embedded cluster', async (t) => {
  const done = await tees(['doctor', '--cluster', t.context.cluster.stateDirectory]);
  t.is(done.status, 0, done.stderr);
  t.regex(done.stdout, /ok +login daemon +answers at/);
});

maybe('a key that others may read, and a store on the file system of /, fail with what to do', async (t) => {
  const { scratch, cluster } = t.context;
  const key = join(scratch, 'open.key');
  writeFileSync(key, '0'.repeat(64), { mode: 0o644 });
  const config = join(scratch, 'open.yaml');
  const text = `cluster: c\nlogin: { name: login }\ngroups: [{ proxy: a }]\nkeyFile: ${key}\nstore: { directory: /etc }\n`;
  writeFileSync(config, text);
  const done = await tees(['doctor', '--config', config, '--role', 'node', '--node', 'a']);
  t.is(done.status, 1);
  t.regex(done.stdout, /fail +cluster key[^]*chmod 600/);
  t.regex(done.stdout, /fail +store +the store must not lie/);
  t.regex(done.stdout, /warn +daemon/);
  t.truthy(cluster);
});
