/**
 * The upper layer of a user's private environment, where the keeper has it (native/environment/places.h). Nobody but root can
 * go there by its path, so it is opened here, for a user who is known by the kernel's word, and used by its descriptor.
 */
import { constants, openSync, readFileSync } from 'node:fs';
import { TeesError, usageError } from '../base/errors.js';
import type { Environments } from '../config/config.js';
import type { Owners } from '../scan/owners.js';

export interface EnvironmentLayer {
  readonly fd: number;
  /** Leads to it for as long as `fd` is open, whoever looks. */
  readonly upper: string;
  /** What it is remembered by: its user's name for it, which is no path. */
  readonly name: string;
  readonly owners: Owners;
}

/** As native/environment/places.c has it. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/** @throws TeesError ENVIRONMENTS_OFF, ENVIRONMENT_UNKNOWN, ENVIRONMENT_FAILED */
export function openEnvironment(
  environments: Environments | undefined,
  uid: number,
  name: string,
): EnvironmentLayer {
  if (!environments)
    throw usageError('ENVIRONMENTS_OFF', 'this login node has no private environments', {
      hint: 'Deploy a layer by its directory, with --upper DIR; or have environments.directory configured.',
    });
  const directory = `${environments.directory}/users/${uid}/${name}`;
  try {
    if (!NAME.test(name)) throw Object.assign(new Error('no name'), { code: 'ENOENT' });
    const [user, group, firstUser, firstGroup] = readFileSync(`${directory}/ids`, 'utf8')
      .trim()
      .split(' ')
      .map(Number) as [number, number, number, number];
    const owners = {
      users: { self: user, first: firstUser },
      groups: { self: group, first: firstGroup },
    };
    const fd = openSync(`${directory}/upper`, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return { fd, upper: `/proc/self/fd/${fd}`, name, owners };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw TeesError.from(error, 'ENVIRONMENT_FAILED', { path: directory });
    throw usageError('ENVIRONMENT_UNKNOWN', `you have no environment ${name}`, {
      hint: 'tees env list shows yours; tees shell makes one.',
    });
  }
}
