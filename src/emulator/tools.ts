/** What an embedded cluster needs of the host, and how to get it. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TeesError } from '../base/errors.js';
import { spankPath } from '../base/native.js';

/** Program, Debian package. Namespaces are made by tees-init, built with the addon. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ['ip', 'iproute2'],
  ['tc', 'iproute2'],
];
const STORAGE_PROGRAMS: typeof PROGRAMS = [['sshfs', 'sshfs']];
const SLURM_PROGRAMS: typeof PROGRAMS = [
  ['srun', 'slurm-client'],
  ['slurmctld', 'slurmctld'],
  ['slurmd', 'slurmd'],
  ['munged', 'munge'],
  ['slirp4netns', 'slirp4netns'],
];
/** Debian's place, and others'. It is no command of users. */
const SFTP_SERVERS = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/libexec/sftp-server',
];
/** A user's PATH on Debian lacks the directories where these are. */
export const TOOL_PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].join(
  delimiter,
);

export function initPath(): string {
  return new URL('../../../native/build/Release/tees-init', import.meta.url).pathname;
}

/** @throws TeesError NOT_ROOT, TOOL_MISSING, ADDON_MISSING */
export function checkTools(path = TOOL_PATH, uid = process.geteuid?.()): void {
  if (uid !== 0) {
    throw new TeesError('NOT_ROOT', 'an embedded cluster is made of namespaces, which takes root', {
      hint: 'Run it again with: sudo -E',
    });
  }
  checkPrograms(PROGRAMS.filter(([program]) => !isOnPath(program, path)));
  if (!isExecutable(initPath())) {
    throw new TeesError('ADDON_MISSING', 'the native program tees-init has not been built', {
      path: initPath(),
      hint: 'Build it with: npm run build:native',
    });
  }
}

/** What a storage node and its clients need besides. @throws TeesError TOOL_MISSING */
export function checkStorageTools(path = TOOL_PATH, servers: readonly string[] = SFTP_SERVERS): void {
  const missing = STORAGE_PROGRAMS.filter(([program]) => !isOnPath(program, path));
  const server: typeof PROGRAMS = servers.some(isExecutable) ? [] : [['sftp-server', 'openssh-sftp-server']];
  checkPrograms([...missing, ...server]);
}

/** What Slurm on its nodes needs besides. @throws TeesError TOOL_MISSING, ADDON_MISSING */
export function checkSlurmTools(path = TOOL_PATH, plugin = spankPath()): void {
  checkPrograms(SLURM_PROGRAMS.filter(([program]) => !isOnPath(program, path)));
  if (existsSync(plugin)) return;
  throw new TeesError('ADDON_MISSING', "Slurm's plugin has not been built", {
    path: plugin,
    hint: 'Install libslurm-dev, then build it with: npm run build:native',
  });
}

export function sftpServerPath(): string {
  return SFTP_SERVERS.find(isExecutable) ?? 'sftp-server';
}

function checkPrograms(missing: typeof PROGRAMS): void {
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))].join(' ');
  const programs = missing.map(([program]) => program).join(', ');
  throw new TeesError('TOOL_MISSING', `missing programs: ${programs} (Debian package: ${packages})`, {
    hint: `Install them with: apt-get install ${packages}`,
  });
}

function isOnPath(program: string, path: string): boolean {
  return path.split(delimiter).some((directory) => directory && isExecutable(join(directory, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
