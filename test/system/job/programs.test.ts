/** Other real programs from Debian: linked with MPI and many libraries, a shell script, statically linked. */
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { CATALOGUE } from '../../../bench/layers/catalogue.js';
import { startCluster } from '../../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import { display } from '../../../src/base/bytes.js';
import { splitLayer } from '../../../src/planning/split-layer.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { copyLayer, runInReference } from '../../support/layers.js';
import { linesByNode, runJob, withoutCluster } from '../../support/tees.js';

const test = anyTest as TestFn<{ cluster: EmbeddedCluster }>;
const maybe = withoutCluster ? test.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';
/** /tmp is the node's own; what Open MPI leaves in its directory should go with the environment. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', TMPDIR: '/var/tmp' };

test.before(async (t) => {
  if (withoutCluster) return;
  t.timeout(600_000);
  t.context.cluster = await startCluster({ groups: 2, groupSize: 2, uplink: '100mbit' });
});

test.after.always((t) => t.context.cluster?.down());

for (const name of ['mpi', 'shell', 'static'] as const) {
  const { command, proof, description } = CATALOGUE[name];
  maybe(`${description}${because}`, async (t) => {
    t.timeout(600_000);
    const layer = await copyLayer(name);
    try {
      const { cluster } = t.context;
      const options = ['--nodes', 'cn[0-3]', '--upper', layer.directory, '--user', 'nobody', '--complete'];
      const { status, stdout, stderr, report } = await runJob(cluster, options, [...command], ENVIRONMENT);
      t.is(status, 0, stderr);
      const lines = linesByNode(stdout);
      for (const node of cluster.nodes) t.regex((lines.get(node) ?? []).join('\n'), proof, node);
      const { launched = Infinity, hystereticDelivered = 0 } = report.timeline;
      if (report.bytes.hysteretic > 50e6) t.true(launched < hystereticDelivered);
    } finally {
      await layer.remove();
    }
  });
}

maybe(
  `the MPI program's urgent part has its more than fifty libraries, and nothing is missing${because}`,
  async (t) => {
    t.timeout(600_000);
    const layer = await copyLayer('mpi');
    const source = await scanLayer(layer.directory);
    try {
      const argv = [...CATALOGUE.mpi.command];
      const common = { cwd: '/', env: ENVIRONMENT, urgentPaths: [], engineReportsHoles: false };
      const split = await splitLayer({ source, upper: layer.directory, argv, ...common });
      const loader = ['/usr/bin/env', 'LD_TRACE_LOADED_OBJECTS=1', `/usr/bin/${argv[0]}`];
      const loaded = (await runInReference(layer.directory, loader)).match(/^\t.*=> \/.*$/gm) ?? [];
      t.true(loaded.length > 50, `${loaded.length} libraries`);
      const urgent = split.urgent
        .filter(({ reason }) => reason === 'library')
        .map(({ path }) => display(path));
      t.true(urgent.length > 30, 'the others are on the node already');
      t.deepEqual(split.missing, []);
    } finally {
      await source.close();
      await layer.remove();
    }
  },
);
