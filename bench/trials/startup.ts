/**
 * From submission to an application's first instruction under a real Slurm: in a private environment by TEES, and with the
 * same things brought in other ways, interleaved, beside plain srun of a program that is there already.
 */
import { readFileSync } from 'node:fs';
import { describeError, TeesError } from '../../src/base/errors.js';
import { PAYLOADS } from '../startup/payloads.js';
import type { Payload } from '../startup/payloads.js';
import { Rig } from '../startup/rig.js';
import type { Started } from '../startup/rig.js';
import { table } from '../startup/table.js';
import { WAYS } from '../startup/ways.js';
import type { Way, WayName } from '../startup/ways.js';
import type { ClusterShape, Trial, TrialContext } from '../trial.js';

const SHAPE: ClusterShape = { groups: 4, groupSize: 4, uplink: '50mbit' };
const ROUNDS = { full: 3, quick: 1 } as const;
/** A node has it twice while an archive is unpacked, in memory. */
const PART_TO_FILL = 0.3;

export const trial: Trial = async (context) => {
  const shape = { ...SHAPE, ...context.shape };
  const nodes = shape.groups * shape.groupSize;
  const payload = payloadOf(context, nodes);
  const rig = await Rig.prepare(context, shape, payload);
  const ways = waysOf(context);
  const results = new Map<WayName, Started[]>(ways.map(({ name }) => [name, []]));
  const failed = new Map<WayName, string>();
  const rounds = context.quick ? ROUNDS.quick : ROUNDS.full;
  // The first of each scans, compiles and connects; it does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const way of ways) {
      if (failed.has(way.name)) continue;
      try {
        const started = await rig.measure(way);
        if (round > 0) results.get(way.name)?.push(started);
        const which = round === 0 ? 'warming up' : `round ${round} of ${rounds}`;
        context.say(
          `${which}, ${way.title}: ${started.first.toFixed(2)} s, done ${started.done.toFixed(2)} s`,
        );
      } catch (error) {
        failed.set(way.name, describeError(TeesError.from(error, 'TRIAL_FAILED')));
        context.say(`${way.title}: ${failed.get(way.name)}`);
      }
    }
  }
  return {
    text: table(results, { nodes, rounds, payload: payload.name, uplink: shape.uplink, failed }),
    facts: { shape, payload: payload.name, versions: rig.versions, results: Object.fromEntries(results) },
  };
};

function waysOf({ only }: TrialContext): readonly Way[] {
  const asked = WAYS.filter(({ name }) => only.includes(name));
  return asked.length > 0 ? asked : WAYS;
}

/** The one that was asked for, or the largest that fits. */
function payloadOf({ only }: TrialContext, nodes: number): Payload {
  const asked = PAYLOADS.find(({ name }) => only.includes(name));
  const available = 1024 * Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
  const fits = PAYLOADS.find(({ bytes }) => nodes * bytes < available * PART_TO_FILL);
  return asked ?? fits ?? (PAYLOADS.at(-1) as Payload);
}
