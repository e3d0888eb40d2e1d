/**
 * Each fault at one random moment of a stream, at a slave, a proxy node and a whole group in the same job. What is drawn
 * follows from a seed, which is printed: TEES_FAULT_SEED runs it again. Ten moments of each by itself:
 * `npm run bench -- repair`.
 */
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { FAULT_KINDS, VICTIMS } from '../../../bench/repair/faults.js';
import { Stand, namesTheLost } from '../../../bench/repair/stand.js';
import { seededRandom, shuffle } from '../../../src/topology/random.js';
import { withoutCluster } from '../../support/tees.js';

const test = anyTest as TestFn<{ stand: Stand }>;
const maybe = withoutCluster ? test.skip : test.serial;
const because = withoutCluster ? ` (skipped: ${withoutCluster})` : '';

const OPTIONS = {
  ...{ groups: VICTIMS.length, groupSize: 3, uplinkMbit: 60, payloadMiB: 12 },
  // On a busy machine a daemon takes its time to come back.
  settings: { silenceDeadline: '2s', repairDelay: '300ms', recoveryDeadline: '5s' },
};
/** From the start of the command: twelve megabytes over 60 Mbit/s take 1.7 s, and before they flow it has to start. */
const WITHIN_SECONDS = 2.4;
const SEED = Number(process.env['TEES_FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

test.before(async (t) => {
  if (!withoutCluster) t.context = { stand: await Stand.start(OPTIONS) };
});

test.after.always((t) => t.context.stand?.down());

for (const [index, kind] of FAULT_KINDS.entries())
  maybe(
    `slave, proxy and whole group ${kind.name}: the others have the whole tree, and who is lost is named${because}`,
    async (t) => {
      t.timeout(120_000);
      const { stand } = t.context;
      const random = seededRandom(SEED + index);
      const groups = shuffle([...VICTIMS.keys()], SEED + index);
      const strikes = VICTIMS.map((victim, which) =>
        stand.draw(kind, victim, WITHIN_SECONDS, random, groups[which]),
      );
      const drawn = strikes.map(({ nodes, at }) => `${nodes.join(',')} at ${at.toFixed(2)} s`).join('; ');
      t.log(`${kind.name}: ${drawn}; again with TEES_FAULT_SEED=${SEED}`);
      const outcome = await stand.runStruck(strikes);
      t.log(`${outcome.seconds.toFixed(2)} s, lost: ${outcome.lost.join(', ') || 'nobody'}`);
      t.true(namesTheLost(strikes, outcome), JSON.stringify(outcome.losses));
      t.deepEqual(outcome.unequal, []);
      t.true(outcome.survivors.length >= 3);
      t.deepEqual(await stand.remains(), []);
    },
  );

maybe(`after all that the same job runs on every node${because}`, async (t) => {
  const { lost, unequal, survivors } = await t.context.stand.run();
  t.deepEqual([lost, unequal, survivors.length], [[], [], t.context.stand.cluster.nodes.length]);
});
