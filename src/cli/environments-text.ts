/** The list of a user's environments, for a person. Pure. */
import { formatShort } from '../report/units.js';

export interface ListedEnvironment {
  readonly name: string;
  readonly state: 'running' | 'stopped';
  /** In seconds since 1970; of one that runs. */
  readonly since?: number;
}

/** @param now in seconds since 1970 */
export function environmentsText(environments: readonly ListedEnvironment[], now: number): string {
  if (environments.length === 0) return 'You have no environment yet: tees shell makes one.\n';
  const width = Math.max(...environments.map(({ name }) => name.length));
  const lines = environments.map(({ name, state, since }) => {
    const age = since === undefined ? '' : ` for ${formatShort(Math.max(0, now - since))}`;
    return `${name.padEnd(width)}  ${state}${age}`;
  });
  return `${lines.join('\n')}\n`;
}
