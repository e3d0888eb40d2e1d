/** The blocking hooks and their engines by name, and which of them a node takes for a job. */
import { usageError } from '../base/errors.js';
import { FUSE_ENGINES, HOOKS } from '../config/config.js';
import type { FuseEngineName, HookName, LayoutChoice, LayoutName } from '../config/config.js';
import { FuseEngineHook } from './fuse-engine.js';
import { FuseNativeHook } from './fuse-native.js';
import { PreloadHook } from './preload.js';
import type { HookContext, HookFactory, HookServer } from './hook.js';

export interface HookEngine {
  readonly name: string;
  readonly create: HookFactory;
  /** As `HookServer.reportsHoles`, known before one is made. */
  readonly reportsHoles: boolean;
}

/** What a job asks for, or a node's configuration does. */
export interface ServingChoice {
  readonly hook: string;
  readonly fuseEngine: string;
  readonly layout: string;
}

/** What a node really uses. */
export interface ServingUse {
  readonly hook: string;
  readonly engine: string;
  readonly layout: LayoutName;
}

/** In a job's specification: as the node's own configuration says. */
export const NODE_DEFAULT = 'default';

const ENGINES: Readonly<Record<FuseEngineName, HookEngine>> = {
  tees: {
    name: 'tees',
    create: (context) => new FuseEngineHook(context),
    reportsHoles: FuseEngineHook.REPORTS_HOLES,
  },
  'fuse-native': {
    name: 'fuse-native',
    create: (context) => new FuseNativeHook(context),
    reportsHoles: FuseNativeHook.REPORTS_HOLES,
  },
};

const PRELOAD: HookEngine = {
  name: 'preload',
  create: (context) => new PreloadHook(context),
  reportsHoles: PreloadHook.REPORTS_HOLES,
};

/** @throws TeesError HOOK_UNKNOWN, FUSE_ENGINE_UNKNOWN */
export function hookEngine(hook: string, fuseEngine: string): HookEngine {
  if (!(HOOKS as readonly string[]).includes(hook))
    throw usageError('HOOK_UNKNOWN', `there is no hook ${JSON.stringify(hook)}`, {
      hint: `Known hooks: ${HOOKS.join(', ')}`,
    });
  if (!Object.hasOwn(ENGINES, fuseEngine))
    throw usageError('FUSE_ENGINE_UNKNOWN', `there is no FUSE engine ${JSON.stringify(fuseEngine)}`, {
      hint: `Known engines: ${FUSE_ENGINES.join(', ')}`,
    });
  if ((hook as HookName) === 'preload') return PRELOAD;
  return ENGINES[fuseEngine as FuseEngineName];
}

/** @throws TeesError HOOK_UNKNOWN, FUSE_ENGINE_UNKNOWN */
export function createHook(hook: string, fuseEngine: string, context: HookContext): HookServer {
  return hookEngine(hook, fuseEngine).create(context);
}

/** What the job asks for where it does, else what the node's configuration says. */
export function chosen(asked: ServingChoice, own: ServingChoice): ServingChoice {
  const choose = (name: keyof ServingChoice): string =>
    asked[name] === NODE_DEFAULT ? own[name] : asked[name];
  return { hook: choose('hook'), fuseEngine: choose('fuseEngine'), layout: choose('layout') };
}

/** `auto`: metadata that never meet the hook, where the kernel can. */
export async function resolveLayout(
  layout: string,
  canDataOnly: () => Promise<boolean>,
): Promise<LayoutName> {
  if ((layout as LayoutChoice) !== 'auto') return layout as LayoutName;
  return (await canDataOnly()) ? 'data-only' : 'stacked';
}
