/** Attacks by a job's task on the compute node it runs on; each succeeds for the node's root, or would prove nothing. */
import { once } from 'node:events';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { clusterTests } from '../support/cluster-tests.js';
import { personOf, tees } from '../support/environments.js';
import type { Person } from '../support/environments.js';
import { withoutCluster } from '../support/tees.js';
import { NODE_ATTACKS } from './attacks.js';
import type { Target } from './attacks.js';
import { Ground } from './ground.js';

const [ATTACKER, VICTIM] = ['uucp', 'proxy'].map(personOf) as [Person, Person];
const maybe = clusterTests({ groups: 1, groupSize: 1 }, { layer: { 'opt/mine': 'mine\n' } });

maybe('nothing is gained by any of them', async (t) => {
  if (withoutCluster) return;
  t.timeout(120_000);
  const ground = new Ground();
  let judge;
  try {
    const target = (await ground.lay(ATTACKER, VICTIM)) as Target;
    // The node's own: it has a network of its own.
    const { cluster } = t.context;
    judge = await cluster.spawn('cn0', [ground.judgeProgram, ground.judge], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(judge.stdout!, 'data');
    const upper = join(t.context.scratch, 'layer');
    for (const path of [t.context.scratch, upper, join(upper, 'opt'), join(upper, 'opt/mine')])
      chownSync(path, ATTACKER.uid, ATTACKER.gid);
    for (const { name, script, asRoot = script } of NODE_ATTACKS) {
      const words = ['run', '--nodes', 'cn0', '--upper', upper, '--quiet', '--', 'sh', '-c'];
      const { stdout, stderr } = await tees(
        t.context.cluster,
        ATTACKER,
        ...words,
        `cat /opt/mine; ${script(target)}`,
      );
      t.regex(stdout, /mine/, stderr);
      if (name.includes('abstract')) t.regex(stdout, /heard as user/);
      t.notRegex(stdout, /GAINED/, name);
      t.regex(
        ground.asRoot(asRoot(target)),
        /GAINED/,
        `${name}: it gains nothing where all is allowed either`,
      );
    }
  } finally {
    judge?.kill();
    ground.clear();
  }
});
