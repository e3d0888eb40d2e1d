/** Who may ask for what at the door for tasks. */
import test from 'ava';
import type { TeesError } from '../../../src/base/errors.js';
import { mayKnock } from '../../../src/node/door-request.js';

const job = { manager: 'pbs', job: '1', environment: 'default' };
const task = {
  cwd: '/',
  path: '',
  libraries: '',
  learn: false,
  hook: '',
  method: '',
  onLoss: '',
  argv: ['sh'],
};
const enter = (uid: number): Parameters<typeof mayKnock>[1] => ({
  verb: 'enter',
  position: 0,
  request: { ...job, ...task, uid },
});

test('root asks for anybody and ends any job, a user asks for themselves', (t) => {
  t.notThrows(() => mayKnock(0, enter(7)));
  t.notThrows(() => mayKnock(0, { verb: 'ended', ...job }));
  t.notThrows(() => mayKnock(7, enter(7)));
  for (const asked of [enter(8), enter(0), { verb: 'ended', ...job } as const])
    t.is(t.throws<TeesError>(() => mayKnock(7, asked))?.code, 'NOT_ALLOWED');
});
