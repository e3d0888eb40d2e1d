import test from 'ava';
import { Milestones } from '../../../src/node/milestones.js';

function milestones() {
  const said: string[] = [];
  const steps = new Milestones(true, {
    event: (event) => said.push(event),
    launch: () => said.push('launch'),
  });
  return { said, steps };
}

const arrived = (urgentIsHere: boolean) => ({ urgentIsHere, urgentBytes: 10, hystereticBytes: 20 });

test('the task is launched once, when the urgent part is here and the environment is prepared', (t) => {
  const { said, steps } = milestones();
  steps.check(arrived(false), false);
  steps.prepared();
  steps.check(arrived(false), false);
  t.deepEqual(said, []);
  steps.check(arrived(true), false);
  steps.check(arrived(true), true);
  steps.check(arrived(true), true);
  t.deepEqual(said, ['urgent', 'launch', 'delivered']);
});

test('progress is that of this node alone', (t) => {
  const { steps } = milestones();
  t.is(steps.progress(undefined).urgentBytes, 0);
  steps.launched();
  t.deepEqual(steps.progress(arrived(true)), {
    nodes: 1,
    urgentBytes: 10,
    hystereticBytes: 20,
    launched: 1,
    exited: 0,
  });
});
