/**
 * The main job: a real application on sixteen nodes behind two shaped uplinks, running before its environment
 * has arrived; every byte right, every uplink crossed once.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import type { fromBuffer } from '../../../src/base/bytes.js';
import { toBuffer } from '../../../src/base/bytes.js';
import { dataSize } from '../../../src/image/manifest.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import { copyLayer, runInReference } from '../../support/layers.js';
import type { LayerCopy } from '../../support/layers.js';
import { linesByNode, runJob, withoutCluster } from '../../support/tees.js';

const test = anyTest as TestFn<{ cluster: EmbeddedCluster; layer: LayerCopy; layerBytes: number }>;
const maybe = withoutCluster ? test.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';

const SCRIPT = 'opt/test/digest_tree.py';
const LISTING = 'opt/test/paths';

test.before(async (t) => {
  if (withoutCluster) return;
  t.timeout(600_000);
  t.context.layer = await copyLayer('scipy');
  t.context.layerBytes = await addDigestScript(t.context.layer.directory);
  t.context.cluster = await startCluster({ groups: 2, groupSize: 8, uplink: '80mbit' });
});

test.after.always(async (t) => {
  await t.context.cluster?.down();
  await t.context.layer?.remove();
});

/** @returns bytes of content in the layer */
async function addDigestScript(layer: string): Promise<number> {
  const bench = new URL('../../../../', import.meta.url).pathname;
  mkdirSync(join(layer, 'opt/test'), { recursive: true });
  copyFileSync(join(bench, 'test/system/job/digest_tree.py'), join(layer, SCRIPT));
  writeFileSync(join(layer, LISTING), '');
  const source = await scanLayer(layer);
  const paths = source.manifest.entries
    .map(({ path }) => '/' + path)
    .filter((path) => path !== `/${LISTING}`);
  await source.close();
  writeFileSync(
    join(layer, LISTING),
    Buffer.concat(paths.map((path) => toBuffer((path + '\0') as ReturnType<typeof fromBuffer>))),
  );
  const complete = await scanLayer(layer);
  await complete.close();
  return complete.manifest.contents.reduce((sum, content) => sum + dataSize(content), 0);
}

maybe(
  `sixteen nodes see the whole layer as the login side does, before it has arrived${because}`,
  async (t) => {
    t.timeout(600_000);
    const { cluster, layer, layerBytes } = t.context;
    const command = ['/usr/bin/python3', `/${SCRIPT}`, `/${LISTING}`];
    const { status, stdout, stderr, report } = await runJob(
      cluster,
      ['--nodes', 'cn[0-15]', '--upper', layer.directory, '--urgent', `/${LISTING}`, '--complete'],
      command,
    );
    t.is(status, 0, stderr);

    const expected = (await runInReference(layer.directory, command)).trim();
    t.regex(expected, /^digest \d{4,} [0-9a-f]{64}$/);
    const lines = linesByNode(stdout);
    for (const node of cluster.nodes) t.deepEqual(lines.get(node), [expected], node);

    const { launched = Infinity, hystereticDelivered = 0, firstRead } = report.timeline;
    // On a busy machine launching takes long, too; the uplinks are slow enough for the order to be clear.
    t.true(
      launched < 0.75 * hystereticDelivered,
      `launched ${launched}, all delivered ${hystereticDelivered}`,
    );
    t.true(firstRead !== undefined && firstRead >= (report.timeline.urgentDelivered ?? Infinity));
    t.true(report.blocked.length >= 16);
    t.true((report.blocked[0]?.seconds ?? 0) > 0.5, 'the read of what is sent last waited');
    t.true(report.blocked.every(({ path, seconds }) => path.startsWith('/') && seconds > 0));
    t.deepEqual(Object.keys(report.exit).sort(), [...cluster.nodes].sort());
    t.deepEqual(report.lost, []);

    t.is(report.bytes.urgent + report.bytes.hysteretic, layerBytes);
    t.deepEqual(
      report.uplinks.map(({ proxy }) => proxy),
      ['cn0', 'cn8'],
    );
    for (const { proxy, inBytes, outBytes } of report.uplinks) {
      const ratio = inBytes / (layerBytes + report.bytes.manifest);
      t.true(ratio > 0.99 && ratio < 1.05, `${proxy}: ${ratio} of the layer came in`);
      t.true(outBytes < 0.05 * layerBytes, `${proxy}: ${outBytes} bytes went out`);
    }
    const counters = await cluster.uplinkCounters();
    for (const { proxy, inBytes } of counters) {
      t.true(
        inBytes < 1.05 * (layerBytes + report.bytes.manifest),
        `${proxy}: ${inBytes} by the cluster's own counters`,
      );
    }
  },
);
