/** A layer of very many names: its job ends at once, and its files are gone soon after. */
import { clusterTests, startJob } from '../../support/cluster-tests.js';
import { remainsOf } from '../../support/remains.js';
import { eventually } from '../../support/tees.js';

const NAMES = 30_000;
const files = Object.fromEntries(Array.from({ length: NAMES }, (_, i) => [`opt/${i >> 8}/name-${i}`, '']));

const maybe = clusterTests({ groups: 1, groupSize: 2 }, { names: files });

maybe(`a job with ${NAMES} names leaves nothing`, async (t) => {
  const job = startJob(t, 'names', 'cn[0-1]', 'find /opt -name "name-*" | wc -l');
  const { status, stdout, stderr } = await job.ended;
  const leftAtMs = performance.now();
  t.is(status, 0, stderr);
  t.regex(stdout, new RegExp(`cn1: ${NAMES}`));
  const { cluster } = t.context;
  t.deepEqual(await remainsOf(cluster), []);
  for (const node of cluster.nodes)
    await eventually(`nothing of it on ${node}`, async () => {
      const place = `${cluster.stateDirectory}/nodes/${node}/store/removed`;
      const { status: listed, stdout: names } = await cluster.exec(node, ['ls', '-A', place]);
      return (listed === 0 && names === '') || undefined;
    });
  t.log(`the last file was gone within ${Math.round(performance.now() - leftAtMs)} ms`);
});
