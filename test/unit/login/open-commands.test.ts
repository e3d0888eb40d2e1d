import test from 'ava';
import { OpenCommands } from '../../../src/login/open-commands.js';

test('a user is served up to the limit, told up to twice of it, and dropped beyond', (t) => {
  const open = new OpenCommands(2);
  const admissions = Array.from({ length: 6 }, () => open.enter(1000));
  t.deepEqual(admissions, ['served', 'served', 'refused', 'refused', 'dropped', 'dropped']);
  t.is(open.enter(1001), 'served');
});

test('whoever leaves makes room for one of the same user', (t) => {
  const open = new OpenCommands(1);
  open.enter(1000);
  open.enter(1001);
  open.leave(1001);
  t.is(open.enter(1000), 'refused');
  open.leave(1000);
  open.leave(1000);
  t.is(open.enter(1000), 'served');
});
