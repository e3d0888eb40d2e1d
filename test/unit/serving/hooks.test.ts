import test from 'ava';
import { systemClock } from '../../../src/base/clock.js';
import { TeesError } from '../../../src/base/errors.js';
import { chosen, createHook, hookEngine, resolveLayout } from '../../../src/serving/hooks.js';
import { Arrivals } from '../../../src/store/arrivals.js';

const context = {
  jobDirectory: '/nowhere',
  directory: '/nowhere/served',
  contentCount: 0,
  sizeOf: () => 0,
  pathOf: () => '',
  arrivals: new Arrivals(0, systemClock),
};

for (const engine of ['tees', 'fuse-native']) {
  test(`fuse is served by the engine ${engine}`, (t) => {
    const hook = createHook('fuse', engine, context);
    t.is(hook.engine, engine);
    t.is(hookEngine('fuse', engine).reportsHoles, hook.reportsHoles);
  });

  test(`a hook that was never started stops: ${engine}`, async (t) => {
    const hook = createHook('fuse', engine, context);
    await hook.stop();
    await hook.stop();
    await t.throwsAsync(hook.start(), { code: 'HOOK_FAILED' });
  });

  test(`where nothing serves nothing is resumed: ${engine}`, async (t) => {
    await t.throwsAsync(createHook('fuse', engine, context).resume(), { code: 'HOOK_FAILED' });
  });
}

test('an unknown hook is refused with the known ones', (t) => {
  for (const name of ['telepathy', 'constructor', '']) {
    const error = t.throws(() => createHook(name, 'tees', context), {
      instanceOf: TeesError,
      code: 'HOOK_UNKNOWN',
    });
    t.true(error.usage);
    t.regex(error.hint ?? '', /fuse, preload/);
  }
});

test('an unknown engine is refused with the known ones', (t) => {
  for (const name of ['steam', 'constructor', '']) {
    const error = t.throws(() => createHook('fuse', name, context), {
      instanceOf: TeesError,
      code: 'FUSE_ENGINE_UNKNOWN',
    });
    t.true(error.usage);
    t.regex(error.hint ?? '', /tees, fuse-native/);
  }
});

test('what a job leaves open the node decides', (t) => {
  const own = { hook: 'fuse', fuseEngine: 'fuse-native', layout: 'auto' };
  t.deepEqual(chosen({ hook: 'default', fuseEngine: 'default', layout: 'default' }, own), own);
  const asked = { hook: 'preload', fuseEngine: 'tees', layout: 'stacked' };
  t.deepEqual(chosen(asked, own), asked);
});

test('auto is data-only where the kernel can', async (t) => {
  const can = (able: boolean) => () => Promise.resolve(able);
  t.is(await resolveLayout('auto', can(true)), 'data-only');
  t.is(await resolveLayout('auto', can(false)), 'stacked');
  t.is(await resolveLayout('stacked', can(true)), 'stacked');
});
