/** When everything has arrived the hook retires: what is opened from then on needs none of those who served it. */
import { randomFillSync } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import type { Report } from '../../../src/report/report.js';
import { clusterTests, startJob } from '../../support/cluster-tests.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { eventually, linesByNode } from '../../support/tees.js';

const content = (): Buffer => randomFillSync(Buffer.alloc(2 << 20));
const maybe = clusterTests(
  { groups: 1, groupSize: 2, uplink: '20mbit' },
  { layer: { 'opt/closed': content(), 'opt/open': content(), 'opt/untouched': content() } },
);

/** Both of the pair at once: the mount goes with them. @returns how many there were */
async function killServing(cluster: EmbeddedCluster, node: string): Promise<number> {
  const script = `
    for task in /proc/[0-9]*; do
      grep -qxE 'Name:.tees-(serve|keep)' "$task/status" 2>/dev/null &&
        [ "$(readlink $task/ns/net)" = "$(readlink /proc/self/ns/net)" ] && pids="$pids \${task#/proc/}"
    done
    kill -STOP $pids && kill -KILL $pids && echo $pids`;
  const { stdout } = await cluster.exec(node, ['sh', '-c', script]);
  return stdout.split(/\s+/).filter((pid) => pid !== '').length;
}

function retirements(cluster: EmbeddedCluster, node: string): number {
  const log = readFileSync(join(cluster.stateDirectory, `nodes/${node}/daemon.log`), 'utf8');
  return log.match(/the hook retires/g)?.length ?? 0;
}

function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

for (const layout of ['data-only', 'stacked']) {
  maybe(`a task reads on without those who have served it, layout ${layout}`, async (t) => {
    const { cluster, scratch } = t.context;
    // Both files are waited for, and so found at the hook; one is closed again, one stays open.
    const script = `
      cat < /opt/closed > /dev/null
      exec 3< /opt/open
      read word
      echo "closed $(cat /opt/closed /opt/untouched | cksum)"
      echo "open $(cksum <&3)"
      exit 5`;
    const file = join(scratch, `${layout}.json`);
    const before = retirements(cluster, 'cn0');
    const options = ['--layout', layout, '--complete', '--no-learn', '--report', file];
    const job = startJob(t, 'layer', 'cn[0-1]', script, ...options);
    const task = await job.task('cn0');
    await eventually('the second file', () => targetOf(`/proc/${task}/fd/3`)?.endsWith('/opt/open'));
    await eventually('the retirement', () => retirements(cluster, 'cn0') > before);
    await sleep(500); // the launcher has been asked, and has to do it
    t.is(await killServing(cluster, 'cn0'), 2);
    job.stdin.end('go on\n');
    const { status, stdout, stderr } = await job.ended;
    t.is(status, 5, stderr);
    const { blocked } = JSON.parse(readFileSync(file, 'utf8')) as Report;
    for (const path of ['/opt/closed', '/opt/open'])
      t.true(
        blocked.some((wait) => wait.node === 'cn0' && wait.path === path),
        path,
      );
    const lines = linesByNode(stdout);
    t.is(lines.get('cn0')?.length, 2, stdout);
    t.deepEqual(lines.get('cn0'), lines.get('cn1'), stderr);
    t.deepEqual(await remainsAfterAWhile(cluster), []);
  });
}
