/**
 * Programs to compare with: Debian's, unpacked below build/ as layers are, and shown at /usr in a mount namespace of their
 * own: nothing is installed, and each finds its libraries and its setuid helpers where it looks for them.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeError, TeesError } from '../../src/base/errors.js';
import { prepareDebianLayer } from '../layers/debian.js';
import { layerDirectories } from '../layers/places.js';
import type { TrialContext } from '../trial.js';
import { WAYS } from './ways.js';
import type { WayName } from './ways.js';

const run = promisify(execFile);
/** crun refuses two versions of control groups side by side. */
const SECOND_CGROUPS = '/sys/fs/cgroup/unified';

export interface Peers {
  /** Words before a command that is to see them. */
  readonly prefix: readonly string[];
  /** As the packages have it. */
  readonly versions: Partial<Record<WayName, string>>;
  /** Why those are not there that are not. */
  readonly missing: Partial<Record<WayName, string>>;
}

export async function preparePeers(context: TrialContext, root: string): Promise<Peers> {
  const versions: Peers['versions'] = {};
  const missing: Peers['missing'] = {};
  const directories: string[] = [];
  for (const { name, packages } of WAYS) {
    if (!packages) continue;
    try {
      const layer = await prepareDebianLayer({
        packages,
        ...layerDirectories(`tools-${name}`),
        onProgress: (text) => context.say(`${name}: ${text}`),
      });
      versions[name] = layer.packages.find((text) => text.startsWith(`${packages[0]} `))?.split(' ')[1] ?? '';
      directories.push(layer.directory);
    } catch (error) {
      missing[name] = describeError(TeesError.from(error, 'PEER_MISSING'));
    }
  }
  return { prefix: await enterable(context, directories, root), versions, missing };
}

/** A process holds the mount namespace; who wants to see the peers joins it. */
async function enterable(
  context: TrialContext,
  directories: readonly string[],
  root: string,
): Promise<string[]> {
  const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', 'echo up; read end'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit');
  context.cleanup.push('the namespace of the peers', async () => {
    holder.stdin.end();
    await ended;
  });
  await once(holder.stdout, 'data');
  const prefix = ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`];
  const within = (...command: string[]) => run(prefix[0]!, [...prefix.slice(1), ...command]);
  await within('mount', '--bind', '/', root);
  if (existsSync(SECOND_CGROUPS)) await within('umount', '--lazy', SECOND_CGROUPS);
  const lower = [...directories.map((directory) => join(directory, 'usr')), '/usr'].join(':');
  if (directories.length > 0)
    await within('mount', '-t', 'overlay', '-o', `ro,lowerdir=${lower}`, 'tees-bench', '/usr');
  // podman wants it so.
  await within('mount', '--make-rshared', '/');
  return prefix;
}
