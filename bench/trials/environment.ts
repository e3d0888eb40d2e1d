/**
 * What a private environment on the login node costs: to start, join and stop one, to work inside, and its memory; beside
 * other ways to be root in an environment of one's own, all in the same run and in turn.
 */
import { Rig } from '../environment/rig.js';
import { table } from '../environment/table.js';
import type { Results } from '../environment/table.js';
import { SIZES } from '../environment/ways.js';
import type { Way, WayName } from '../environment/ways.js';
import type { Trial } from '../trial.js';

export const trial: Trial = async (context) => {
  const sizes = context.quick ? SIZES.quick : SIZES.full;
  const rig = await Rig.prepare(context, sizes);
  const inTurn = async <T>(what: string, count: number, measure: (way: Way) => Promise<T>) => {
    const rounds: Partial<Record<WayName, T>>[] = [];
    for (let at = 1; at <= count; at++) {
      const round: Partial<Record<WayName, T>> = {};
      for (const way of rotated(rig.ways, at)) {
        const measured = await rig.attempt(way, () => measure(way));
        if (measured !== undefined) round[way.name] = measured;
      }
      rounds.push(round);
      if (at === count || at % 10 === 0) context.say(`${what}: ${at} of ${count} rounds`);
    }
    return rounds;
  };
  const results: Results = {
    lives: await inTurn('start, join, stop', sizes.rounds, (way) => rig.life(way)),
    works: await inTurn('work inside', sizes.workRounds, (way) => rig.work(way)),
    memory: await inTurn('memory', sizes.memoryRounds, (way) => rig.memory(way, sizes.environments)),
    failures: rig.failures,
    versions: rig.peers.versions,
  };
  return { text: table(results, sizes), facts: { sizes, ...results } };
};

/** So that none is always behind the same other one. */
function rotated<T>(all: readonly T[], by: number): T[] {
  const first = by % Math.max(1, all.length);
  return [...all.slice(first), ...all.slice(0, first)];
}
