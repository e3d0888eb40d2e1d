/**
 * What a fault in the middle of a stream costs: a slave, a proxy node, a whole group is killed, frozen, slowed down and
 * cut off, each at ten random moments; everybody else must complete with the same tree, and the report must name who
 * is lost. The time is compared with runs of the same job without a fault.
 */
import { FAULT_KINDS, VICTIMS } from '../repair/faults.js';
import { Stand, namesTheLost } from '../repair/stand.js';
import type { Outcome, Strike } from '../repair/stand.js';
import { seededRandom } from '../../src/topology/random.js';
import { median } from '../trial.js';
import type { Trial } from '../trial.js';

const OPTIONS = {
  ...{ groups: 3, groupSize: 3, uplinkMbit: 100, payloadMiB: 16 },
  settings: { silenceDeadline: '2s', repairDelay: '300ms', recoveryDeadline: '3s' },
};
const MOMENTS = { full: 10, quick: 1 } as const;
const FAULTLESS_RUNS = 3;
const BOUND_MS = 15 * 60_000;

interface Moment extends Outcome {
  readonly strike: Strike;
  readonly named: boolean;
  /** Nodes on which something of the job was left when all was over. */
  readonly remains: readonly string[];
}

type Results = ReadonlyMap<string, Moment[]>;

export const trial: Trial = async (context) => {
  const endMs = Date.now() + BOUND_MS;
  const random = seededRandom(context.seed);
  const { groups, groupSize, uplinkMbit } = OPTIONS;
  context.say(
    `${groups} groups of ${groupSize} nodes, uplinks of ${uplinkMbit} Mbit/s; --seed ${context.seed}`,
  );
  // While the nodes of one tear down, the other is struck.
  const stands = await Promise.all([Stand.start(OPTIONS), Stand.start(OPTIONS)]);
  for (const stand of stands) context.cleanup.push('a cluster', () => stand.down());
  const [stand] = stands;
  for (const one of stands) await one.run(); // The first one hashes the layer, and does not count.
  const faultless: Outcome[] = [];
  for (let i = 0; i < FAULTLESS_RUNS; i++) faultless.push(await stand.run());
  const base = median(faultless.map(({ seconds }) => seconds));
  context.say(`without a fault: ${base.toFixed(2)} s`);
  const cases = FAULT_KINDS.flatMap((kind) => VICTIMS.map((victim) => ({ kind, victim })));
  const results = new Map(cases.map((one) => [titleOf(one), [] as Moment[]]));
  let isShown = false;
  const show = (): string => {
    isShown = true;
    return table(base, results);
  };
  // Whoever ends it early sees what was found until then.
  context.cleanup.push('the table', () => void (isShown || context.say(show())));
  const moments = Array.from({ length: context.quick ? MOMENTS.quick : MOMENTS.full }, () => cases).flat();
  const idle = new Map<Stand, Promise<void>>();
  for (const [index, { kind, victim }] of moments.entries()) {
    if (Date.now() > endMs) break;
    const one = stands[index % stands.length] as Stand;
    await idle.get(one);
    const strike = one.draw(kind, victim, base, random);
    const outcome = await one.runStruck([strike]);
    const left = one.remains().then((remains) => {
      const moment = { ...outcome, strike, named: namesTheLost([strike], outcome), remains };
      results.get(titleOf(strike))?.push(moment);
      context.say(describe(moment, base));
    });
    idle.set(one, left);
  }
  await Promise.all(idle.values());
  const last = await stand.run();
  const well = last.survivors.length - last.unequal.length;
  return {
    text: `${show()}\nAfterwards the same job on all nodes: ${well} of ${groups * groupSize} have the right tree.`,
    facts: { options: OPTIONS, seed: context.seed, faultless, last, faults: Object.fromEntries(results) },
  };
};

function titleOf({ kind, victim }: Pick<Strike, 'kind' | 'victim'>): string {
  return `${victim === 'group' ? 'whole group' : victim} ${kind.name}`;
}

function describe({ strike, seconds, lost, named, unequal, remains }: Moment, base: number): string {
  const wrong = [
    ...(named ? [] : [`struck were ${strike.nodes.join(', ')}`]),
    ...(unequal.length > 0 ? [`unequal: ${unequal.join(', ')}`] : []),
    ...(remains.length > 0 ? [`left something: ${remains.join(', ')}`] : []),
  ];
  const what = `${titleOf(strike)} (${strike.nodes.join(', ')}) at ${strike.at.toFixed(2)} s`;
  const cost = `${(seconds - base).toFixed(2)} s more; lost: ${lost.join(', ') || 'nobody'}`;
  return `${what}: ${cost}${wrong.map((text) => `; WRONG: ${text}`).join('')}`;
}

function table(base: number, results: Results): string {
  const head = ['named', 'equal', 'clean', 'median', 'longest'].map((text) => text.padStart(9)).join('');
  const rows = [...results].map(([title, runs]) => {
    const more = runs.map(({ seconds }) => seconds - base);
    const count = (isRight: (moment: Moment) => boolean): string =>
      `${runs.filter(isRight).length}/${runs.length}`;
    const cells = [
      count(({ named }) => named),
      count(({ unequal, survivors }) => unequal.length === 0 && survivors.length > 0),
      count(({ remains }) => remains.length === 0),
      ...(runs.length > 0 ? [median(more).toFixed(2), Math.max(...more).toFixed(2)] : ['', '']),
    ];
    return title.padEnd(24) + cells.map((text) => text.padStart(9)).join('');
  });
  const { groups, groupSize, payloadMiB, uplinkMbit, settings } = OPTIONS;
  return [
    `Seconds that a fault at a random moment adds to a stream of ${payloadMiB} MiB to ${groups * groupSize} nodes,`,
    `until the last survivor has everything; without a fault it takes ${base.toFixed(2)} s. Uplinks`,
    `of ${uplinkMbit} Mbit/s; silence is noticed after ${settings.silenceDeadline}, others lead on after ${settings.repairDelay} more, and`,
    `a node is lost after ${settings.recoveryDeadline}. named: the report names those who were struck for good, and`,
    'nobody else; equal: every survivor has the same tree as the login node; clean:',
    'nothing is left on any node, nor on those that have come back.',
    '',
    ''.padEnd(24) + head,
    ...rows,
  ].join('\n');
}
