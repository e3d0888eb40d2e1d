/** Which configuration file holds: `--config`, else the embedded cluster's, else the machine's. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { usageError } from '../base/errors.js';
import { DEFAULTS } from './config.js';

export const CLUSTER_VARIABLE = 'TEES_CLUSTER';
/** In an embedded cluster's state directory. */
export const CONFIG_FILE_NAME = 'tees.yaml';

export interface LocateOptions {
  /** `--config FILE` */
  readonly config?: string | undefined;
  /** `--cluster DIR` */
  readonly cluster?: string | undefined;
}

/**
 * @returns an absolute path
 * @throws TeesError CONFIG_NOT_FOUND
 */
export function locateConfig(options: LocateOptions, env: NodeJS.ProcessEnv = process.env): string {
  const { file, from, hint } = choose(options, env);
  if (existsSync(file)) return file;
  throw usageError('CONFIG_NOT_FOUND', `there is no cluster configuration (${from})`, {
    path: file,
    hint,
  });
}

function choose(
  options: LocateOptions,
  env: NodeJS.ProcessEnv,
): { file: string; from: string; hint: string } {
  if (options.config) {
    const hint = 'Give the path of a tees.yaml; tees.example.yaml is one to start from.';
    return { file: resolve(options.config), from: 'from --config', hint };
  }
  const directory = options.cluster || env[CLUSTER_VARIABLE];
  if (directory) {
    const from = options.cluster ? 'from --cluster' : `from ${CLUSTER_VARIABLE}`;
    const hint = `Is the embedded cluster up? Start it with: tees cluster up --state ${directory}`;
    return { file: resolve(join(directory, CONFIG_FILE_NAME)), from, hint };
  }
  const hint =
    `Give one with --config FILE, name an embedded cluster with --cluster DIR or ${CLUSTER_VARIABLE}, ` +
    'or start from tees.example.yaml.';
  return { file: DEFAULTS.configFile, from: 'the default', hint };
}
