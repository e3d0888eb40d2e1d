import test from 'ava';
import { systemClock } from '../../../src/base/clock.js';
import { TeesError } from '../../../src/base/errors.js';
import { createHook, hookEngine } from '../../../src/serving/hooks.js';
import { Arrivals } from '../../../src/store/arrivals.js';

const context = {
  directory: '/nowhere',
  contentCount: 0,
  sizeOf: () => 0,
  pathOf: () => '',
  arrivals: new Arrivals(0, systemClock),
};

test('fuse is served by fuse-native', (t) => {
  const hook = createHook('fuse', context);
  t.is(hook.engine, 'fuse-native');
  t.is(hookEngine('fuse').reportsHoles, hook.reportsHoles);
});

test('an unknown hook is refused with the known ones', (t) => {
  for (const name of ['telepathy', 'constructor', '']) {
    const error = t.throws(() => createHook(name, context), { instanceOf: TeesError, code: 'HOOK_UNKNOWN' });
    t.true(error.usage);
    t.regex(error.hint ?? '', /fuse, fuse-native/);
  }
});

test('a hook that was never started stops', async (t) => {
  const hook = createHook('fuse', context);
  await hook.stop();
  await hook.stop();
  await t.throwsAsync(hook.start(), { code: 'HOOK_FAILED' });
});
