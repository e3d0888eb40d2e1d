/** `npm run bench -- TRIAL`: figures as ratios against a peer or a bound of the same run. */
import { writeFileSync } from 'node:fs';
import { TeesError, describeError, usageError } from '../src/base/errors.js';
import { CleanupStack, onShutdownSignal } from '../src/base/lifecycle.js';
import type { Trial } from './trial.js';

const TRIALS: Readonly<Record<string, () => Promise<{ trial: Trial }>>> = {
  'first-read': () => import('./trials/first-read.js'),
  hook: () => import('./trials/hook.js'),
  repair: () => import('./trials/repair.js'),
};

async function main(argv: readonly string[]): Promise<void> {
  const [name = '', ...rest] = argv;
  const quick = rest[0] === '--quick';
  const [option, file, ...more] = quick ? rest.slice(1) : rest;
  const load = Object.hasOwn(TRIALS, name) ? TRIALS[name] : undefined;
  const isJson = option === '--json' && file !== undefined;
  if (!load || more.length > 0 || (option !== undefined && !isJson)) {
    throw usageError('TRIAL_UNKNOWN', name ? `there is no trial '${argv.join(' ')}'` : 'which trial?', {
      hint: `npm run bench -- TRIAL [--quick] [--json FILE], where TRIAL is one of: ${Object.keys(TRIALS).join(', ')}`,
    });
  }
  if (process.getuid?.() !== 0) {
    throw new TeesError('NOT_ROOT', 'a trial makes namespaces and mounts', {
      hint: `sudo npm run bench -- ${name}`,
    });
  }
  const cleanup = new CleanupStack((step, error) => say(`while cleaning up ${step}: ${String(error)}`));
  onShutdownSignal(() => cleanup.run());
  try {
    const { trial } = await load();
    const result = await trial({ cleanup, say, quick });
    process.stdout.write(result.text + '\n');
    if (file !== undefined) writeFileSync(file, JSON.stringify(result.facts, null, 2) + '\n');
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
