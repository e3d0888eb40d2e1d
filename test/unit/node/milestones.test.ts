import test from 'ava';
import { Milestones } from '../../../src/node/milestones.js';

function milestones() {
  const said: string[] = [];
  const steps = new Milestones(true, {
    event: (event) => said.push(event),
    launch: () => said.push('launch'),
    retireHook: () => said.push('retire'),
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

test('the hook retires once, when the task runs and everything is here, whichever comes last', (t) => {
  for (const last of ['launched', 'complete'] as const) {
    const { said, steps } = milestones();
    steps.prepared();
    if (last === 'complete') steps.launched();
    steps.check(arrived(true), last === 'launched');
    t.false(said.includes('retire'), last);
    steps.launched();
    steps.check(arrived(true), true);
    steps.check(arrived(true), true);
    t.is(said.filter((it) => it === 'retire').length, 1, last);
  }
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
