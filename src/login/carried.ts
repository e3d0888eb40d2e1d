/** What a job carries, and in which order: a layer and a command's urgent part of it; or what is put in its place. */
import { basename, dirname } from 'node:path';
import { display } from '../base/bytes.js';
import { TeesError, usageError } from '../base/errors.js';
import { asUser } from '../base/native.js';
import type { FileUser } from '../base/native.js';
import type { Config } from '../config/config.js';
import type { Manifest } from '../image/manifest.js';
import type { Recall } from '../planning/learnt.js';
import { splitLayer } from '../planning/split-layer.js';
import type { Split } from '../planning/split.js';
import { scanLayer } from '../scan/scan.js';
import type { LayerSource } from '../scan/source.js';
import type { EnvironmentLayer } from './environment-layer.js';
import type { RunRequest } from '../wire/api.js';
import type { PlacementSpec } from '../wire/placement.js';

export interface CarriedOptions {
  readonly config: Config;
  readonly request: RunRequest;
  /** What `request.upper` is, where it is no directory of the user's. */
  readonly environment?: EnvironmentLayer;
  /** Who asks: files are looked at as they may. */
  readonly user: FileUser;
  /** Of an earlier scan of the same layer. */
  readonly cacheFile?: string;
  readonly signal: AbortSignal;
  readonly engineReportsHoles: boolean;
  /** Without it nothing is learnt. */
  readonly recall?: Recall;
}

/** @throws TeesError what `scanLayer` throws; SOURCE_NOT_FOUND, SOURCE_UNSUPPORTED */
export async function scanCarried(options: CarriedOptions): Promise<LayerSource> {
  const { request, signal, user, cacheFile } = options;
  const owners = options.environment && { owners: options.environment.owners };
  const how = { signal, user, ...(cacheFile === undefined ? {} : { cacheFile }), ...owners };
  if (!request.placement) return scanLayer(request.upper, how);
  // Of the directory in which it lies, it alone: it is then the only one at the top.
  const source = await scanLayer(dirname(request.upper), { ...how, only: basename(request.upper) });
  try {
    checkTree(source.manifest, request);
    return source;
  } catch (error) {
    await source.close();
    throw error;
  }
}

export function splitCarried(options: CarriedOptions, source: LayerSource): Promise<Split> {
  const { config, request, user } = options;
  if (request.placement) return Promise.resolve(unsplit(source));
  return splitLayer({
    source,
    upper: request.upper,
    ...(options.environment ? { name: options.environment.name } : {}),
    look: (action) => asUser(user, action),
    argv: request.argv,
    env: request.env,
    cwd: request.cwd,
    urgentPaths: request.urgent,
    engineReportsHoles: options.engineReportsHoles,
    hookIsLibrary: (request.hook ?? config.hook) === 'preload',
    ...(options.recall ? { recall: options.recall } : {}),
  });
}

export function placementOf({ placement }: RunRequest, { entries }: Manifest): PlacementSpec | undefined {
  return placement && { ...placement, isDirectory: entries[1]?.type === 'directory' };
}

/** As it is written on the nodes; nothing of it is needed before the rest. */
export function unsplit({ manifest }: LayerSource): Split {
  return { urgent: [], order: [...manifest.contents.keys()], urgentCount: 0, missing: [] };
}

export function isAboutCommand(error: unknown): boolean {
  return error instanceof TeesError && error.code.startsWith('COMMAND_');
}

function checkTree({ entries }: Manifest, { upper }: RunRequest): void {
  const top = entries[1];
  if (!top)
    throw usageError('SOURCE_NOT_FOUND', 'there is no such file or directory on the login node', {
      path: upper,
      hint: 'Paths are those of the login node: tees bcast FILE|DIR --nodes LIST DEST.',
    });
  if (top.type !== 'directory' && top.type !== 'file')
    throw usageError('SOURCE_UNSUPPORTED', `it is a ${top.type}, and no file or directory`, { path: upper });
  const mark = entries.find(({ type, opaque }) => type === 'whiteout' || opaque);
  if (mark)
    throw usageError(
      'SOURCE_UNSUPPORTED',
      'it is the upper layer of an overlay: a removed name has no meaning',
      {
        path: display(mark.path),
        hint: 'Deploy it with tees run --upper DIR, or broadcast what is mounted.',
      },
    );
}
