/**
 * Debian's Slurm and munge, unpacked below build/ as layers are: no maintainer script runs, so the host gets no user,
 * no key and no service that would have to be taken away again.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TeesError } from '../../src/base/errors.js';
import { prepareDebianLayer } from '../layers/debian.js';
import { layerDirectories } from '../layers/places.js';

const PACKAGES = ['slurmctld', 'slurmd', 'slurm-client', 'munge'];
const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu'];
/** Where Debian's packages have a program of their own name only after update-alternatives. */
const PROGRAMS = {
  munged: 'usr/sbin/munged',
  slurmctld: 'usr/sbin/slurmctld-wlm',
  slurmd: 'usr/sbin/slurmd-wlm',
  slurmstepd: 'usr/sbin/slurmstepd-wlm',
  salloc: 'usr/bin/salloc',
  sbcast: 'usr/bin/sbcast',
  scancel: 'usr/bin/scancel',
} as const;

export interface SlurmTools {
  /** Paths. */
  readonly programs: Readonly<Record<keyof typeof PROGRAMS, string>>;
  readonly pluginDirectory: string;
  /** What the programs must find in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** As `slurmctld` has it. */
  readonly version: string;
}

/** @throws TeesError SLURM_MISSING */
export async function prepareSlurm(onProgress: (text: string) => void): Promise<SlurmTools> {
  let layer;
  try {
    layer = await prepareDebianLayer({ packages: PACKAGES, ...layerDirectories('tools-slurm'), onProgress });
  } catch (cause) {
    throw new TeesError('SLURM_MISSING', `sbcast is compared with, and needs ${PACKAGES.join(', ')}`, {
      cause,
      hint: `They are fetched from a Debian mirror: apt-get download ${PACKAGES.join(' ')} must work.`,
    });
  }
  const { directory, packages } = layer;
  const libraries = LIBRARIES.map((place) => join(directory, place)).find((place) => existsSync(place)) ?? '';
  const pluginDirectory = join(libraries, 'slurm-wlm');
  const entries = Object.entries(PROGRAMS).map(([name, path]) => [name, join(directory, path)]);
  return {
    programs: Object.fromEntries(entries) as SlurmTools['programs'],
    pluginDirectory,
    env: { LD_LIBRARY_PATH: `${libraries}:${pluginDirectory}` },
    version: packages.find((text) => text.startsWith('slurmctld '))?.split(' ')[1] ?? 'unknown',
  };
}
