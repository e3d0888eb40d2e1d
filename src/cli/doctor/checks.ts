/** What is looked at on a node, in the order told. Each check stands alone, and none needs a running daemon. */
import { accessSync, constants, existsSync, readFileSync, statSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { dirname } from 'node:path';
import { TeesError } from '../../base/errors.js';
import { launcherPath, native, servePath } from '../../base/native.js';
import type { Config } from '../../config/config.js';
import { formatSize } from '../../config/quantities.js';
import { loadClusterKey } from '../../config/secret.js';
import { MungeProver } from '../../transport/munge-prover.js';
import { checkStorePlace } from '../../node/store-place.js';
import { resolveLayout } from '../../serving/hooks.js';
import { attempt, probeNode } from '../../serving/probe.js';
import { call, clocks, nodes } from './network.js';
import { fail, ok, warn } from './finding.js';
import type { Finding } from './finding.js';
import type { Patient } from './patient.js';
import { managersWord, tasksDoor } from './resource-manager.js';

type Check = (patient: Patient) => Finding[] | Promise<Finding[]>;

const KERNEL_MIN = '4.19';

const EVERYWHERE: readonly Check[] = [configuration, kernel, programs, authentication, root];
const BY_ROLE: Readonly<Record<Patient['role'], readonly Check[]>> = {
  login: [socket, environments, ({ config }) => managersWord(config), nodes, clocks],
  node: [fuse, serving, store, port, clocks, limits, ({ config }) => tasksDoor(config)],
};

export async function examine(patient: Patient): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of [...EVERYWHERE, ...BY_ROLE[patient.role]]) findings.push(...(await check(patient)));
  return findings;
}

function configuration({ config, role, node }: Patient): Finding[] {
  return [ok('configuration', `${config.file}, this is ${node} (${role})`)];
}

function kernel(): Finding[] {
  const version = release();
  if (isAtLeast(version, KERNEL_MIN)) return [ok('Linux', version)];
  return [fail('Linux', version, `TEES needs Linux ${KERNEL_MIN} or later.`)];
}

/** Of kernel versions: `6.18.5-generic` is at least `6.9`. */
export function isAtLeast(version: string, least: string): boolean {
  const numbers = (text: string): number[] => text.split(/[^0-9]+/, 2).map(Number);
  const [major = 0, minor = 0] = numbers(version);
  const [leastMajor = 0, leastMinor = 0] = numbers(least);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

function programs(): Finding[] {
  const hint = 'Build them on a machine like this one: npm run build:native.';
  try {
    native();
    for (const path of [launcherPath(), servePath()]) accessSync(path, constants.X_OK);
    return [ok('native programs', 'built')];
  } catch (error) {
    return [fail('native programs', (error as Error).message, hint)];
  }
}

/** A credential made here, and opened here. */
async function munge(self: string): Promise<Finding[]> {
  const prover = new MungeProver({ self });
  const statement = Buffer.from('tees doctor');
  try {
    await prover.check(statement, await prover.prove(statement), self);
    return [ok('authentication', 'munge makes and opens credentials')];
  } catch (thrown) {
    const { message, hint } = TeesError.from(thrown, 'MUNGE_SILENT');
    return [fail('authentication', message, hint ?? '')];
  }
}

function authentication({ config, node }: Patient): Finding[] | Promise<Finding[]> {
  if (config.authentication === 'munge') return munge(node);
  try {
    return [ok('cluster key', `${config.keyFile}, ${loadClusterKey(config.keyFile).length} bytes`)];
  } catch (thrown) {
    const error = TeesError.from(thrown, 'KEY_UNREADABLE');
    // For anybody but root that is as it should be.
    const tell = process.geteuid?.() === 0 ? fail : warn;
    return [tell('cluster key', error.message, error.hint ?? 'See keyFile in the configuration.')];
  }
}

function root(): Finding[] {
  if (process.geteuid?.() === 0) return [ok('privileges', 'root')];
  return [warn('privileges', 'not root', 'The daemon needs root; so do some of these checks.')];
}

/** What the hook cannot do without; the rest makes it slower. */
const NEEDED = ['/dev/fuse', 'FUSE mounts', 'FUSE request timeouts'];

async function fuse({ config }: Patient): Promise<Finding[]> {
  const results = await probeNode(existing(config.store.directory));
  return results.map(({ name, ok: works, value, explanation }) => {
    if (works) return ok(name, value, explanation);
    const needed = NEEDED.includes(name) || (name === 'data-only layers' && config.layout === 'data-only');
    return config.hook === 'fuse' && needed ? fail(name, value, explanation) : warn(name, value, explanation);
  });
}

async function serving({ config }: Patient): Promise<Finding[]> {
  const { hook, fuseEngine } = config;
  const tried = async (): Promise<boolean> => (await attempt(existing(config.store.directory))).data === 0;
  const layout = await resolveLayout(config.layout, tried);
  const engine = hook === 'fuse' ? ` with the engine ${fuseEngine}` : '';
  const findings = [ok('jobs are served by', `hook ${hook}${engine}, layout ${layout}`)];
  if (hook === 'fuse' && fuseEngine === 'fuse-native' && !hasLibfuse2())
    findings.push(fail('libfuse.so.2', 'missing', 'apt-get install libfuse2, or take fuseEngine: tees.'));
  return findings;
}

function hasLibfuse2(): boolean {
  try {
    return readFileSync('/etc/ld.so.cache', 'latin1').includes('libfuse.so.2');
  } catch {
    return false;
  }
}

function store({ config, node }: Patient): Finding[] {
  const { directory, sizeBytes } = config.store;
  const size = formatSize(sizeBytes);
  try {
    checkStorePlace(directory, sizeBytes, node);
    const { bavail, blocks, bsize, ffree, files } = statfsSync(directory);
    const free = bavail * bsize;
    // What jobs and the cache have of it is the store's own.
    const room = isMountPoint(directory) ? blocks * bsize : free;
    const value = `${directory}, ${formatSize(Math.floor(free / 2 ** 20) * 2 ** 20)} free`;
    if (files > 0 && ffree === 0)
      return [fail('store', value, 'No file can be made there any more: it has no inodes left.')];
    if (room >= sizeBytes) return [ok('store', value)];
    return [warn('store', value, `store.size is ${size}: layers that it admits may not fit.`)];
  } catch (thrown) {
    const error = TeesError.from(thrown, 'STORE_FAILED');
    return [
      fail('store', error.message, error.hint ?? `mkdir -p ${directory}, on a file system of its own.`),
    ];
  }
}

function isMountPoint(directory: string): boolean {
  return statSync(directory).dev !== statSync(dirname(directory)).dev;
}

async function port({ config, node, sameNetwork }: Patient): Promise<Finding[]> {
  if (!sameNetwork) return [];
  const why = await call('127.0.0.1', config.port);
  if (why === undefined) return [ok('daemon', `listens on port ${config.port}`)];
  return [warn('daemon', `port ${config.port}: ${why}`, `Start it: tees daemon --role node --node ${node}.`)];
}

function socket({ config }: Patient): Promise<Finding[]> {
  const path = `${config.runtimeDirectory}/tees.sock`;
  return call(path).then((why) =>
    why === undefined
      ? [ok('login daemon', `answers at ${path}`)]
      : [warn('login daemon', `${path}: ${why}`, 'Start it: tees daemon --role login.')],
  );
}

/** Linux shows a tree with other ids, and takes an overlay's marks from a user namespace. */
const ENVIRONMENTS_KERNEL_MIN = '5.19';
const CONTROLLERS = ['memory', 'pids'];
/** native/environment/volume.c. */
const FOR_VOLUMES = ['/dev/loop-control', '/sbin/mkfs.ext4', '/sbin/e2fsck', '/sbin/resize2fs'];

async function environments({ config }: Patient): Promise<Finding[]> {
  const { environments: wanted, runtimeDirectory } = config;
  if (!wanted) return [ok('environments', 'none: environments.directory is not configured')];
  const findings: Finding[] = [];
  if (!isAtLeast(release(), ENVIRONMENTS_KERNEL_MIN))
    findings.push(fail('environments', release(), `They need Linux ${ENVIRONMENTS_KERNEL_MIN} or later.`));
  findings.push(...bounds('environments', wanted));
  const lacking = wanted.diskBytes === undefined ? [] : FOR_VOLUMES.filter((needed) => !existsSync(needed));
  if (lacking.length > 0)
    findings.push(
      fail(
        'environments',
        `no ${lacking.join(', ')}`,
        'The bound of disk space needs loop devices and e2fsprogs; or say environments.disk: none.',
      ),
    );
  const path = `${runtimeDirectory}/environments.sock`;
  const why = await call(path);
  findings.push(
    why === undefined
      ? ok('environments', `the keeper answers at ${path}`)
      : warn('environments', `${path}: ${why}`, 'The login daemon starts it: see its log.'),
  );
  return findings;
}

function limits({ config: { environment } }: Patient): Finding[] {
  return bounds('environment', environment);
}

type Bounded = Pick<Config['environment'], 'memoryBytes' | 'processes'>;

function bounds(section: string, { memoryBytes, processes }: Bounded): Finding[] {
  const missing = memoryBytes === undefined && processes === undefined ? [] : missingControllers();
  if (missing.length === 0) return [];
  const what = `control group controllers ${missing.join(', ')} cannot be used`;
  const hint = `Mount them, writable; or say ${section}.memory: none and ${section}.processes: none.`;
  return [fail(section, what, hint)];
}

/** Version 2 has all in one hierarchy, version 1 a directory for each. */
function missingControllers(): string[] {
  const root = '/sys/fs/cgroup';
  let known: string[] = [];
  try {
    known = readFileSync(`${root}/cgroup.controllers`, 'utf8').trim().split(' ');
  } catch {
    // Version 1.
  }
  return CONTROLLERS.filter((name) => !isWritable(known.includes(name) ? root : `${root}/${name}`));
}

/** In containers they are often there to be looked at only. */
function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where the probe may try things: the store, if it is there. */
function existing(directory: string): string | undefined {
  try {
    return statSync(directory).isDirectory() ? directory : undefined;
  } catch {
    return undefined;
  }
}
