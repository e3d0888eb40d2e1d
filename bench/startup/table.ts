/** What the trial `startup` has found, for people. Pure. */
import { median } from '../trial.js';
import type { Started } from './rig.js';
import { WAYS } from './ways.js';
import type { WayName } from './ways.js';

/** Times ahead of the image, at least. */
const AIM = 12;
const SHOWN_ERROR = 160;

export type Results = ReadonlyMap<WayName, readonly Started[]>;

export interface Conditions {
  readonly nodes: number;
  readonly rounds: number;
  readonly payload: string;
  readonly uplink: string;
  readonly failed: ReadonlyMap<WayName, string>;
}

export function table(results: Results, { nodes, rounds, payload, uplink, failed }: Conditions): string {
  const of = (name: WayName, key: keyof Started): number =>
    median((results.get(name) ?? []).map((one) => one[key]));
  const rows = WAYS.map(({ name, title }) => {
    const why = failed.get(name);
    if (!results.get(name)?.length)
      return `${title.padEnd(17)}${(why ?? 'not measured').slice(0, SHOWN_ERROR)}`;
    const seconds = (key: keyof Started): string => of(name, key).toFixed(2).padStart(9);
    const times = (of(name, 'first') / of('fuse', 'first')).toFixed(2).padStart(9);
    const megabytes = (of(name, 'uplinkBytes') / 1e6).toFixed(0).padStart(10);
    return `${title.padEnd(17)}${seconds('first')}${times}${seconds('spread')}${seconds('done')}${megabytes}`;
  });
  const ahead = of('image', 'first') / of('fuse', 'first');
  const over = of('fuse', 'first') - of('plain', 'first');
  return [
    `From submission to the application's first instruction, on the last of ${nodes} nodes:`,
    `${payload}, uplinks ${uplink}, medians of ${rounds}`,
    '',
    `${''.padEnd(17)}${'first s'.padStart(9)}${'x TEES'.padStart(9)}${'spread'.padStart(9)}${'done s'.padStart(9)}${'uplink MB'.padStart(10)}`,
    ...rows,
    '',
    Number.isNaN(ahead + over)
      ? 'Not measured: TEES against the image, and against plain srun.'
      : `ahead of the image: ${ahead.toFixed(1)} times (aim ${AIM}); over plain srun: ${over.toFixed(2)} s`,
  ].join('\n');
}
