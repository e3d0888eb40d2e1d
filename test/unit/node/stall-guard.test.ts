import test from 'ava';
import { StallGuard, stallGuard } from '../../../src/node/stall-guard.js';

test('those who wait fail when nothing has come for the deadline, and wait again when something comes', (t) => {
  let now = 0;
  let moved = 0;
  const said: string[] = [];
  const guard = new StallGuard(
    {
      deadlineMs: 1000,
      moved: () => moved,
      complete: () => moved === 9,
      onStalled: () => said.push('stalled'),
      onMoving: () => said.push('moving'),
    },
    { nowMs: () => now },
  );
  t.teardown(() => guard.stop());
  const look = (ms: number, bytes: number): void => {
    now = ms;
    moved = bytes;
    guard.look();
  };
  look(0, 1);
  look(1000, 1);
  t.deepEqual(said, []);
  look(1001, 1);
  look(3000, 1);
  t.deepEqual(said, ['stalled'], 'once');
  look(3001, 2);
  t.deepEqual(said, ['stalled', 'moving']);
  look(3002, 9);
  look(9999, 9);
  t.deepEqual(said, ['stalled', 'moving'], 'who lacks nothing waits for nothing');
});

test('only the policy error is judged by the nodes', (t) => {
  t.is(stallGuard('wait', undefined as never), undefined);
  t.is(stallGuard('cancel', undefined as never), undefined);
});
