/** What daemons tell of themselves, after a job, to whoever watches a cluster. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { clusterTests } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { runJob } from '../../../bench/run-job.js';

const PAYLOAD_BYTES = 3_000_000;
const PORT = 9611;
const maybe = clusterTests(
  { groups: 1, groupSize: 2, settings: { metrics: { listen: `0.0.0.0:${PORT}` } } },
  { layer: { 'opt/payload': randomBytes(PAYLOAD_BYTES) } },
);

async function ask({ context }: Test, node: string, path: string): Promise<string> {
  const script = `fetch('http://127.0.0.1:${PORT}${path}').then(async (r) => console.log(r.status, await r.text()))`;
  const { stdout } = await context.cluster.exec(node, [process.execPath, '-e', script]);
  return stdout;
}

function figure(text: string, name: string): number {
  const [, value] = new RegExp(`^tees_${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text) ?? [];
  return Number(value);
}

maybe('jobs and bytes are counted where they were', async (t) => {
  const { cluster, scratch } = t.context;
  await cluster.exec('login', ['ip', 'link', 'set', 'lo', 'up']);
  const options = ['--nodes', 'cn[0-1]', '--upper', join(scratch, 'layer'), '--no-learn', '--complete'];
  await runJob(cluster, options, ['true']);
  const [login, proxy, slave] = [
    await ask(t, 'login', '/metrics'),
    await ask(t, 'cn0', '/metrics'),
    await ask(t, 'cn1', '/metrics'),
  ];
  t.is(figure(login, 'jobs_submitted_total'), 1);
  t.is(figure(login, 'jobs'), 0);
  t.is(figure(proxy, 'jobs_begun_total'), 1);
  t.true(figure(login, 'sent_bytes_total') > PAYLOAD_BYTES);
  t.true(figure(proxy, 'received_bytes_total') > PAYLOAD_BYTES);
  t.true(figure(proxy, 'sent_bytes_total') > PAYLOAD_BYTES);
  t.true(figure(slave, 'received_bytes_total') > PAYLOAD_BYTES);
  t.true(figure(slave, 'sent_bytes_total') < PAYLOAD_BYTES / 10);
  t.true(figure(slave, 'store_available_bytes') > 0);
  t.regex(slave, /^tees_process_resident_memory_bytes\{role="node",node="cn1"\} \d+$/m);
});

maybe('it answers nothing else', async (t) => {
  t.regex(await ask(t, 'cn0', '/'), /^404 /);
  t.regex(await ask(t, 'cn0', '/metrics/../etc/passwd'), /^404 /);
});
