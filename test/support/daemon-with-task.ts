/** A daemon's process with one running task, to be killed. Says `running` when the task does. */
import type { EnvironmentSpec, TaskSpec } from '../../src/environment/environment.js';
import { launch } from '../../src/environment/launch.js';

const { environment, task, take } = JSON.parse(process.argv[2] ?? '') as {
  environment: EnvironmentSpec;
  task: TaskSpec;
  /** Bytes of standard output that it takes and acknowledges. */
  take: number;
};
const running = await launch(environment, task);
let taken = 0;
running.stdout.on('data', (bytes: Buffer) => {
  const part = bytes.subarray(0, take - taken);
  taken += part.length;
  // In this order, as a daemon does: what was taken can come from nobody else any more.
  if (part.length > 0) process.stdout.write(part, () => running.outputTaken('stdout', part.length));
});
running.stdin.write('first\n');
process.stdout.write('running\n');
