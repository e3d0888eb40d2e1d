/** The engines of the blocking hook by name. */
import { usageError } from '../base/errors.js';
import { HOOKS } from '../config/config.js';
import type { HookName } from '../config/config.js';
import { FuseNativeHook } from './fuse-native.js';
import type { HookContext, HookFactory, HookServer } from './hook.js';

export interface HookEngine {
  readonly name: string;
  readonly create: HookFactory;
  /** As `HookServer.reportsHoles`, known before one is made. */
  readonly reportsHoles: boolean;
}

const FUSE_NATIVE: HookEngine = {
  name: 'fuse-native',
  create: (context) => new FuseNativeHook(context),
  reportsHoles: FuseNativeHook.REPORTS_HOLES,
};

const ENGINES: Readonly<Record<HookName, HookEngine>> = {
  fuse: FUSE_NATIVE,
  'fuse-native': FUSE_NATIVE,
};

/** @throws TeesError HOOK_UNKNOWN */
export function hookEngine(hook: string): HookEngine {
  if (Object.hasOwn(ENGINES, hook)) return ENGINES[hook as HookName];
  throw usageError('HOOK_UNKNOWN', `there is no hook ${JSON.stringify(hook)}`, {
    hint: `Known hooks: ${HOOKS.join(', ')}`,
  });
}

/** @throws TeesError HOOK_UNKNOWN */
export function createHook(hook: string, context: HookContext): HookServer {
  return hookEngine(hook).create(context);
}
