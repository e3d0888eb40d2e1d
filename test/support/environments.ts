/** A user's private environment on the login node of an embedded cluster, entered as the user. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { enterPath } from '../../src/base/native.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { StateDirectory } from '../../src/emulator/state-directory.js';

export interface Person {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** System accounts: they are there without anybody making them, and own nothing. */
export const [NOBODY, GAMES] = ['nobody', 'games'].map(personOf) as [Person, Person];

const DEADLINE_MS = 60_000;

export function personOf(name: string): Person {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  const [, , uid, gid] = (line ?? '').split(':');
  return { name, uid: Number(uid), gid: Number(gid) };
}

export function keeperSocketOf(cluster: EmbeddedCluster): string {
  return join(new StateDirectory(cluster.stateDirectory).node('login').runtime, 'environments.sock');
}

export function environmentsOf(cluster: EmbeddedCluster, person: Person): string {
  return join(new StateDirectory(cluster.stateDirectory).environments, 'users', String(person.uid));
}

/** Any program, as somebody. */
export async function runAs(
  { uid, gid }: Person,
  program: string,
  argv: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {},
): Promise<Outcome> {
  const path = process.env['PATH'] ?? '/usr/bin:/bin';
  const child = spawn(program, argv, {
    uid,
    gid,
    cwd: '/',
    env: { PATH: path, ...env },
    timeout: DEADLINE_MS,
  });
  child.stdin.on('error', () => {}).end(input);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { status, stdout, stderr };
}

/** @param options of tees-enter */
export function enter(
  cluster: EmbeddedCluster,
  person: Person,
  script: string,
  options: readonly string[] = [],
  input = '',
): Promise<Outcome> {
  const words = ['--socket', keeperSocketOf(cluster), ...options, '--', 'sh', '-c', script];
  return runAs(person, enterPath(), words, { input });
}

/** Seen inside as well: /tmp shows there, and the node’s root. */
export const teesProgram = new URL('../../../bin/tees', import.meta.url).pathname;

export function tees(cluster: EmbeddedCluster, person: Person, ...argv: string[]): Promise<Outcome> {
  return runAs(person, teesProgram, argv, { env: { TEES_CLUSTER: cluster.stateDirectory } });
}
