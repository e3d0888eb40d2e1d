/** `tees.yaml` to a Config. Whatever is wrong is told as FILE:LINE: KEY: PROBLEM, with what is allowed as the hint. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { usageError } from '../base/errors.js';
import {
  CONFIG_FILE_MAX_BYTES,
  LINK_SILENCE_DEADLINE_MAX_MS,
  LINK_SILENCE_DEADLINE_MIN_MS,
  NODES_MAX,
  RECOVERY_DEADLINE_MAX_MS,
  ROOT_WIDTH_DEFAULT,
  STALL_DEADLINE_MAX_MS,
  STALL_DEADLINE_MIN_MS,
  STORE_SIZE_MAX_BYTES,
  STORE_SIZE_MIN_BYTES,
  THRESHOLD_NODES_DEFAULT,
  TREE_WIDTH_DEFAULT,
  TREE_WIDTH_MAX,
} from '../base/limits.js';
import { readCluster } from './cluster-section.js';
import type { Config } from './config.js';
import {
  AUTHENTICATIONS,
  DEFAULTS,
  FUSE_ENGINES,
  HOOKS,
  RESOURCE_MANAGERS,
  LAYOUTS,
  SHAPE_CHOICES,
  STALL_POLICIES,
  THRESHOLD_NEVER,
} from './config.js';
import { readEnvironment } from './environment-section.js';
import { readEnvironments } from './environments-section.js';
import { filePath } from './file-path.js';
import { readMetrics } from './metrics-section.js';
import { readNetwork } from './network-section.js';
import { DURATION, SIZE } from './quantities.js';
import { readQuantity } from './quantity-value.js';
import type { Section, Value } from './reader.js';
import { readYaml } from './reader.js';
import { readSharedStorage } from './shared-storage-section.js';
import { systemReason } from './system-reason.js';

export const CONFIG_KEYS = [
  'cluster',
  'login',
  'groups',
  'addresses',
  'topology',
  'proxies',
  'port',
  'authentication',
  'keyFile',
  'tree',
  'store',
  'sharedStorage',
  'runtimeDirectory',
  'hook',
  'fuseEngine',
  'layout',
  'network',
  'environment',
  'environments',
  'learning',
  'metrics',
  'resourceManager',
  'stallDeadline',
  'recoveryDeadline',
  'repairDelay',
  'silenceDeadline',
  'onStall',
] as const;

const STORE_KEYS = ['directory', 'size', 'cache'] as const;
/** Of the store, where the file says nothing. */
const CACHE_PART = 1 / 4;
const TREE_KEYS = ['width', 'rootWidth', 'shape', 'threshold'] as const;

/** @throws TeesError CONFIG_NOT_FOUND, CONFIG_UNREADABLE, and what `parseConfig` throws */
export function loadConfig(file: string): Config {
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > CONFIG_FILE_MAX_BYTES) throw new Error(`the file has ${size} bytes`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = `the cluster configuration cannot be read: ${systemReason(error)}`;
    throw usageError(missing ? 'CONFIG_NOT_FOUND' : 'CONFIG_UNREADABLE', message, {
      path: file,
      cause: error,
      hint: 'Give the cluster configuration with --config FILE.',
    });
  }
  return parseConfig(text, file);
}

/**
 * @param file where the text is from: relative paths in it are relative to its directory
 * @throws TeesError CONFIG_MALFORMED (no YAML), CONFIG_INVALID, TOPOLOGY_INVALID (in Slurm's file)
 */
export function parseConfig(text: string, file: string): Config {
  if (text.trim() === '') {
    const hint = 'Start from tees.example.yaml; cluster, login and groups are the keys that it needs.';
    throw usageError('CONFIG_INVALID', `${file}:1: the file is empty`, { hint });
  }
  const root = readYaml(text, file).section(`a map with the keys ${CONFIG_KEYS.join(', ')}`, CONFIG_KEYS);
  const path = (value: Value | undefined, fallback: string): string =>
    value ? resolve(dirname(file), filePath(value)) : fallback;
  const tree = root.get('tree')?.section(`a map with ${TREE_KEYS.join(', ')}`, TREE_KEYS);
  const store = root.get('store')?.section(`a map with ${STORE_KEYS.join(', ')}`, STORE_KEYS);
  const learning = root.get('learning')?.section('a map with budget', ['budget']);
  const storeBytes = readSize(store?.get('size'));
  return {
    file,
    cluster: readCluster(root, file),
    port: root.get('port')?.integer(1, 65_535) ?? DEFAULTS.port,
    authentication: root.get('authentication')?.oneOf(AUTHENTICATIONS) ?? DEFAULTS.authentication,
    keyFile: path(root.get('keyFile'), DEFAULTS.keyFile),
    tree: {
      width: tree?.get('width')?.integer(1, TREE_WIDTH_MAX) ?? TREE_WIDTH_DEFAULT,
      rootWidth: tree?.get('rootWidth')?.integer(1, TREE_WIDTH_MAX) ?? ROOT_WIDTH_DEFAULT,
      shape: tree?.get('shape')?.oneOf(SHAPE_CHOICES) ?? DEFAULTS.shape,
      thresholdNodes: readThreshold(tree),
    },
    store: {
      directory: path(store?.get('directory'), DEFAULTS.storeDirectory),
      sizeBytes: storeBytes,
      cacheBytes: readCache(store?.get('cache'), storeBytes),
    },
    ...readEnvironments(root),
    ...readSharedStorage(root),
    ...readMetrics(root),
    runtimeDirectory: path(root.get('runtimeDirectory'), DEFAULTS.runtimeDirectory),
    resourceManager: root.get('resourceManager')?.oneOf(RESOURCE_MANAGERS) ?? DEFAULTS.resourceManager,
    hook: root.get('hook')?.oneOf(HOOKS) ?? DEFAULTS.hook,
    fuseEngine: root.get('fuseEngine')?.oneOf(FUSE_ENGINES) ?? DEFAULTS.fuseEngine,
    layout: root.get('layout')?.oneOf(LAYOUTS) ?? DEFAULTS.layout,
    network: readNetwork(root),
    environment: readEnvironment(root),
    learning: { budgetBytes: readBudget(learning?.get('budget')) },
    stallDeadlineMs: readStallDeadline(root.get('stallDeadline')),
    recoveryDeadlineMs: readRecoveryDeadline(root.get('recoveryDeadline')),
    repairDelayMs: readRepairDelay(root.get('repairDelay')),
    silenceDeadlineMs: readSilenceDeadline(root.get('silenceDeadline')),
    onStall: root.get('onStall')?.oneOf(STALL_POLICIES) ?? DEFAULTS.onStall,
  };
}

function readThreshold(tree: Section | undefined): number {
  const value = tree?.get('threshold');
  if (!value) return THRESHOLD_NODES_DEFAULT;
  if (!value.isText()) return value.integer(0, NODES_MAX);
  const text = value.text('a number of nodes');
  if (text === 'never') return THRESHOLD_NEVER;
  throw value.fail(
    `"${text}" is no number of nodes`,
    `Give a number from 0 (always P2P) to ${NODES_MAX}, or never (always shared storage).`,
  );
}

function readSize(value: Value | undefined): number {
  if (!value) return DEFAULTS.storeSizeBytes;
  return readQuantity(value, SIZE, STORE_SIZE_MIN_BYTES, STORE_SIZE_MAX_BYTES);
}

function readCache(value: Value | undefined, storeBytes: number): number {
  if (!value) return Math.floor(storeBytes * CACHE_PART);
  return readQuantity(value, SIZE, 0, storeBytes);
}

function readBudget(value: Value | undefined): number {
  if (!value) return DEFAULTS.learningBudgetBytes;
  return readQuantity(value, SIZE, 0, STORE_SIZE_MAX_BYTES);
}

function readStallDeadline(value: Value | undefined): number {
  if (!value) return DEFAULTS.stallDeadlineMs;
  return readQuantity(value, DURATION, STALL_DEADLINE_MIN_MS, STALL_DEADLINE_MAX_MS);
}

function readRecoveryDeadline(value: Value | undefined): number {
  if (!value) return DEFAULTS.recoveryDeadlineMs;
  return readQuantity(value, DURATION, 0, RECOVERY_DEADLINE_MAX_MS);
}

function readRepairDelay(value: Value | undefined): number {
  if (!value) return DEFAULTS.repairDelayMs;
  return readQuantity(value, DURATION, 0, RECOVERY_DEADLINE_MAX_MS);
}

function readSilenceDeadline(value: Value | undefined): number {
  if (!value) return DEFAULTS.silenceDeadlineMs;
  return readQuantity(value, DURATION, LINK_SILENCE_DEADLINE_MIN_MS, LINK_SILENCE_DEADLINE_MAX_MS);
}
