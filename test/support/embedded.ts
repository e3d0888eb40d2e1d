/** Embedded clusters in tests: with dummy daemons, and what they could leave on the host. */
import anyTest from 'ava';
import type { ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { callControl } from '../../src/emulator/control.js';
import type { ClusterOptions } from '../../src/emulator/options.js';
import { StateDirectory } from '../../src/emulator/state-directory.js';
import { checkTools } from '../../src/emulator/tools.js';
import { dummyDaemon, supportScript } from './dummies.js';

const GONE_DEADLINE_MS = 20_000;

function missing(): string | undefined {
  try {
    checkTools();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
const lack = missing();

/** A test that needs an embedded cluster; skipped, saying why, where there can be none. */
export function clusterTest(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  if (lack === undefined) anyTest.serial(title, run);
  else anyTest.skip(`${title} (skipped: ${lack})`, run);
}

/** A name for a state directory, and its removal with whatever is in it. */
export function stateDirectory(t: ExecutionContext): string {
  const path = join(tmpdir(), `tees-test-${randomBytes(6).toString('hex')}`);
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export async function start(t: ExecutionContext, options: ClusterOptions = {}): Promise<EmbeddedCluster> {
  const cluster = await startCluster({ groups: 1, groupSize: 2, daemonCommand: dummyDaemon(), ...options });
  t.teardown(() => cluster.down());
  return cluster;
}

/** Starts a process that owns a cluster; resolves when the cluster is up. */
export async function startOwner(
  t: ExecutionContext,
  path: string,
  logs: 'keep' | 'drop',
  mode: 'detach' | 'hold',
): Promise<ChildProcess> {
  const argv = [supportScript('cluster-owner'), path, logs, mode];
  const owner = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => owner.kill('SIGKILL'));
  const ended = once(owner, 'exit').then(() => Promise.reject(new Error('the owner has ended')));
  ended.catch(() => {});
  await Promise.race([once(owner.stdout as NodeJS.ReadableStream, 'data'), ended]);
  return owner;
}

/** A cluster's namespaces by their identities on this host. */
export interface Traces {
  readonly path: string;
  readonly namespaces: ReadonlySet<string>;
}

export async function tracesOf(path: string): Promise<Traces> {
  const { pidNamespace } = await callControl(new StateDirectory(path).controlSocket, 'identify');
  const namespaces = new Set<string>([pidNamespace]);
  for (const pid of processesWith(new Set([pidNamespace]))) {
    for (const kind of ['net', 'mnt', 'uts'] as const) {
      const name = namespaceOf(pid, kind);
      if (name !== undefined && name !== namespaceOf('self', kind)) namespaces.add(name);
    }
  }
  return { path, namespaces };
}

/** What of a cluster is left on the host outside its state directory; nothing, after a while, is as it should be. */
export async function remains({ path, namespaces }: Traces): Promise<string[]> {
  let found: string[] = [];
  for (const end = Date.now() + GONE_DEADLINE_MS; Date.now() < end; await sleep(50)) {
    found = [
      ...processesWith(namespaces).map((pid) => `process ${pid}`),
      ...processesNaming(path).map((pid) => `process ${pid} of the supervisor`),
      ...readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .filter((line) => line.includes(path)),
      ...pinned(namespaces),
    ];
    if (found.length === 0) break;
  }
  return found;
}

function processesWith(namespaces: ReadonlySet<string>): string[] {
  const kinds = ['pid', 'net', 'mnt', 'uts'] as const;
  return pids().filter((pid) => kinds.some((kind) => namespaces.has(namespaceOf(pid, kind) ?? '')));
}

function processesNaming(path: string): string[] {
  return pids().filter((pid) => {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return argv.includes(path) && argv.some((word) => word.endsWith('/supervisor-main.js'));
    } catch {
      return false;
    }
  });
}

/** Network namespaces bound to a file of the host, as `ip netns` does. */
function pinned(namespaces: ReadonlySet<string>): string[] {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  const bound = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return [
    ...bound.filter((line) => [...namespaces].some((name) => line.includes(` ${name} `))),
    ...names.filter((name) => /^(login|cn\d+)$/.test(name)),
  ];
}

function pids(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

function namespaceOf(pid: string, kind: 'pid' | 'net' | 'mnt' | 'uts'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}
