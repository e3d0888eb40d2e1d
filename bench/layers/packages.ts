/**
 * Which Debian packages a layer consists of, and their files. apt decides, against an empty status file of its
 * own: the result is what installing on a minimal Debian would bring, whatever this host has installed. Neither
 * the host's package status nor its caches are written, so this also runs without root.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TeesError } from '../../src/base/errors.js';
import { run } from './program.js';

export interface PackageRequest {
  readonly packages: readonly string[];
  /** Packages to leave out together with what only they need (a compiler that a run never calls). */
  readonly without?: readonly string[];
  /** Package files and lists are kept here and used again. */
  readonly cacheDirectory: string;
  readonly onProgress?: (text: string) => void;
  /** Ends the programs that are running; what they have begun is removed. */
  readonly signal?: AbortSignal;
}

export interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly bytes: number;
}

/** What every Debian node has, down to its C library: none of it belongs into a layer. */
const BASE_PATTERNS = ['?essential', '?priority(required)'];
const HOST_LISTS = '/var/lib/apt/lists';

/**
 * The packages' files, all present in the cache. Once that is so, neither lists nor network are needed again.
 * @throws TeesError PACKAGE_UNKNOWN, PACKAGES_UNAVAILABLE
 */
export async function fetchPackages(request: PackageRequest): Promise<PackageFile[]> {
  const archives = join(request.cacheDirectory, 'archives');
  await mkdir(archives, { recursive: true });
  const planFile = join(request.cacheDirectory, `plan-${requestKey(request)}.json`);
  const known = await readPlan(planFile, archives);
  if (known) return known;

  const lists = await usableLists(request);
  let plan: PackageFile[];
  try {
    plan = await resolveAndDownload(request, lists, archives);
  } catch (error) {
    if (lists === ownLists(request) || request.signal?.aborted) throw error;
    // Lists that are older than the mirror name files that are gone from it.
    plan = await resolveAndDownload(request, await updateOwnLists(request), archives);
  }
  await writeFile(`${planFile}.${process.pid}`, JSON.stringify(plan, undefined, 1));
  await rename(`${planFile}.${process.pid}`, planFile);
  return plan;
}

export function requestKey(request: Pick<PackageRequest, 'packages' | 'without'>): string {
  const text = JSON.stringify([request.packages, request.without ?? []]);
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

async function readPlan(planFile: string, archives: string): Promise<PackageFile[] | undefined> {
  try {
    const plan = JSON.parse(await readFile(planFile, 'utf8')) as PackageFile[];
    for (const { file, bytes } of plan)
      if ((await stat(join(archives, file))).size !== bytes) return undefined;
    return plan;
  } catch {
    return undefined; // no plan yet, or a file of it has been deleted
  }
}

async function resolveAndDownload(request: PackageRequest, lists: string, archives: string) {
  const scratch = await mkdtemp(join(request.cacheDirectory, 'scratch-'));
  try {
    const status = join(scratch, 'status');
    const apt = aptOptions(request, lists, status);
    await writeFile(status, '');
    const base = await simulate(apt, BASE_PATTERNS);
    await writeFile(status, (request.without ?? []).map(pretendInstalled).join(''));
    const closure = await simulate(apt, request.packages);
    const selected = [...closure].filter(([name]) => !base.has(name));
    return await download(selected, apt, scratch, archives, request);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function aptOptions(request: PackageRequest, lists: string, status: string): string[] {
  const settings = {
    'Dir::State::lists': lists,
    'Dir::State::status': status,
    'Dir::State::extended_states': `${status}.extended`,
    'Dir::Cache': join(request.cacheDirectory, 'apt'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'APT::Update::Post-Invoke-Success': '',
    'Debug::NoLocking': 'true',
  };
  return Object.entries(settings).map(([key, value]) => `-o${key}=${value}`);
}

function pretendInstalled(name: string): string {
  return `Package: ${name}\nStatus: install ok installed\nArchitecture: all\nVersion: 999999:0\nDescription: -\n\n`;
}

/** @returns versions by package name of everything that an installation would bring */
async function simulate(apt: readonly string[], packages: readonly string[]): Promise<Map<string, string>> {
  let output: string;
  try {
    output = await run('apt-get', [...apt, '--simulate', 'install', ...packages]);
  } catch (error) {
    const cause = error as Error;
    const unknown = /Unable to locate package (\S+)/.exec(cause.message)?.[1];
    if (!unknown) throw error;
    throw new TeesError('PACKAGE_UNKNOWN', `this Debian knows no package ${unknown}`, { cause });
  }
  const found = new Map<string, string>();
  for (const match of output.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)/gm))
    found.set(match[1]!, match[2]!);
  return found;
}

async function download(
  selected: readonly (readonly [name: string, version: string])[],
  apt: readonly string[],
  scratch: string,
  archives: string,
  request: PackageRequest,
): Promise<PackageFile[]> {
  const specs = selected.map(([name, version]) => `${name}=${version}`);
  // In the empty directory `scratch`, because a file that is already there would not be listed.
  const uris = await run('apt-get', [...apt, 'download', '--print-uris', ...specs], { cwd: scratch });
  const plan = [...uris.matchAll(/^'\S+' (\S+) (\d+) /gm)].map((match): PackageFile => {
    const [name, version] = match[1]!.split('_');
    return {
      name: name!,
      version: version!.replaceAll('%3a', ':'),
      file: match[1]!,
      bytes: Number(match[2]),
    };
  });
  const missing = plan.filter(({ file }) => !existsSync(join(archives, file)));
  if (missing.length > 0) {
    const megabytes = (missing.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(0);
    request.onProgress?.(`downloading ${missing.length} packages, ${megabytes} MB`);
    const wanted = missing.map(({ name, version }) => `${name}=${version}`);
    try {
      await run('apt-get', [...apt, '-q', 'download', ...wanted], { cwd: scratch, signal: request.signal });
    } catch (cause) {
      request.signal?.throwIfAborted();
      throw unavailable('packages could not be downloaded', cause);
    }
    for (const { file } of missing) await rename(join(scratch, file), join(archives, file));
  }
  return plan.sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** The host's package lists where it has any, else own ones, fetched once. */
async function usableLists(request: PackageRequest): Promise<string> {
  for (const directory of [ownLists(request), HOST_LISTS]) if (await hasLists(directory)) return directory;
  return updateOwnLists(request);
}

async function hasLists(directory: string): Promise<boolean> {
  const files = await readdir(directory).catch(() => []);
  return files.some((file) => file.includes('_Packages'));
}

function unavailable(message: string, cause: unknown): TeesError {
  const hint = 'Connect this machine to its Debian mirror, or see /etc/apt/sources.list.d.';
  return new TeesError('PACKAGES_UNAVAILABLE', message, { cause, hint });
}

function ownLists(request: PackageRequest): string {
  return join(request.cacheDirectory, 'lists');
}

async function updateOwnLists(request: PackageRequest): Promise<string> {
  const lists = ownLists(request);
  request.onProgress?.('fetching the package lists');
  await mkdir(join(lists, 'partial'), { recursive: true });
  // A source that cannot be reached is only a warning to apt; what counts is that some list has come.
  const failure = await run('apt-get', [...aptOptions(request, lists, '/dev/null'), 'update']).catch(String);
  if (!(await hasLists(lists))) {
    await rm(lists, { recursive: true, force: true });
    throw unavailable('the package lists could not be fetched', failure);
  }
  return lists;
}
