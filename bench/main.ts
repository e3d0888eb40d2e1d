/** `npm run bench -- TRIAL`: figures as ratios against a peer or a bound of the same run. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { TeesError, describeError, usageError } from '../src/base/errors.js';
import { CleanupStack, onShutdownSignal } from '../src/base/lifecycle.js';
import type { Trial, TrialContext } from './trial.js';

interface Entry {
  readonly load: () => Promise<{ trial: Trial }>;
  /** Whether it takes the shape of its cluster. */
  readonly shaped?: boolean;
}

const TRIALS: Readonly<Record<string, Entry>> = {
  deploy: { load: () => import('./trials/deploy.js'), shaped: true },
  environment: { load: () => import('./trials/environment.js') },
  'first-read': { load: () => import('./trials/first-read.js') },
  hook: { load: () => import('./trials/hook.js') },
  redeploy: { load: () => import('./trials/redeploy.js') },
  relay: { load: () => import('./trials/relay.js') },
  repair: { load: () => import('./trials/repair.js') },
  startup: { load: () => import('./trials/startup.js'), shaped: true },
};

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  json: { type: 'string' },
  groups: { type: 'string' },
  'group-size': { type: 'string' },
  uplink: { type: 'string' },
  disk: { type: 'boolean', default: false },
  only: { type: 'string' },
  seed: { type: 'string' },
} as const;

interface Order {
  readonly name: string;
  readonly entry: Entry;
  readonly quick: boolean;
  readonly json?: string | undefined;
  readonly shape: TrialContext['shape'];
  readonly only: readonly string[];
  readonly seed: number;
}

function parse(argv: readonly string[]): Order {
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw misuse((error as Error).message);
  }
  const { positionals, values } = parsed;
  const [name = ''] = positionals;
  const entry = Object.hasOwn(TRIALS, name) ? TRIALS[name] : undefined;
  if (!entry || positionals.length > 1)
    throw misuse(name ? `there is no trial '${positionals.join(' ')}'` : 'which trial?');
  const shape = {
    ...(values.groups === undefined ? {} : { groups: Number(values.groups) }),
    ...(values['group-size'] === undefined ? {} : { groupSize: Number(values['group-size']) }),
    ...(values.uplink === undefined ? {} : { uplink: values.uplink }),
    ...(values.disk ? { disk: true } : {}),
  };
  const only = values.only?.split(',') ?? [];
  if (!entry.shaped && Object.keys(shape).length + only.length > 0)
    throw misuse(`the cluster of '${name}' has one shape`);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  return { name, entry, quick: values.quick, json: values.json, shape, only, seed };
}

function misuse(what: string): TeesError {
  return usageError('TRIAL_UNKNOWN', what, {
    hint: `npm run bench -- TRIAL [--quick] [--json FILE] [--seed N], where TRIAL is one of: ${Object.keys(TRIALS).join(', ')}; deploy and startup also take --groups N, --group-size N, --uplink RATE and --only p2p,sbcast,16MB; deploy --disk`,
  });
}

async function main(argv: readonly string[]): Promise<void> {
  const { name, entry, quick, json, shape, only, seed } = parse(argv);
  if (process.getuid?.() !== 0) {
    throw new TeesError('NOT_ROOT', 'a trial makes namespaces and mounts', {
      hint: `sudo npm run bench -- ${name}`,
    });
  }
  const cleanup = new CleanupStack((step, error) => say(`while cleaning up ${step}: ${String(error)}`));
  onShutdownSignal(() => cleanup.run());
  try {
    const { trial } = await entry.load();
    const result = await trial({ cleanup, say, quick, shape, only, seed });
    process.stdout.write(result.text + '\n');
    if (json !== undefined) writeFileSync(json, JSON.stringify(result.facts, null, 2) + '\n');
  } finally {
    await cleanup.run();
  }
}

function say(text: string): void {
  process.stderr.write(text + '\n');
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    const failure = TeesError.from(error, 'TRIAL_FAILED');
    process.stderr.write(describeError(failure) + '\n');
    process.exit(failure.usage ? 2 : 1);
  },
);
