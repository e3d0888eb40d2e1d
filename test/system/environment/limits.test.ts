/** What tasks may take of a node is bounded, for all of a user's together, and nothing is left of the bounds. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Limits } from '../../../src/environment/environment.js';
import { finish, makeJob, rootTest, runTask, startTask } from './fixture.js';

const MIB = 2 ** 20;
const PROCESSES = 64;
const GONE_DEADLINE_MS = 5_000;
const HIERARCHIES = ['/sys/fs/cgroup', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/pids'];

function limitsOf(name: string, bounds: Partial<Limits>): { environment: { limits: Limits } } {
  return { environment: { limits: { root: 'tees-limit-tests', name, ...bounds } } };
}

const started = (count: number): string[] => [
  'sh',
  '-c',
  `for i in $(seq ${count}); do sleep 60 </dev/null >/dev/null 2>&1 & echo $i; done; wait`,
];

/** The launcher goes a moment after its task. */
async function isLeft(): Promise<boolean> {
  const is = (): boolean => HIERARCHIES.some((path) => existsSync(`${path}/tees-limit-tests`));
  for (const end = Date.now() + GONE_DEADLINE_MS; is() && Date.now() < end;) await sleep(50);
  return is();
}

rootTest('processes without end are refused, to the user’s other jobs too, and to nobody else', async (t) => {
  const [first, second] = [await makeJob(t), await makeJob(t)];
  const bounds = { processes: PROCESSES };
  const bomb = await startTask(first, started(4 * PROCESSES), limitsOf('first', bounds));
  await once(bomb.stderr, 'readable');
  // It may not even begin.
  const other = await runTask(
    second,
    ['sh', '-c', 'for i in $(seq 64); do sleep 1 & done; echo all'],
    limitsOf('second', bounds),
  ).catch(({ message }: Error) => ({ stdout: message }));
  t.regex(other.stdout, /^$|EAGAIN/);
  const elsewhere = {
    environment: {
      ...limitsOf('third', bounds).environment,
      identity: { uid: 12346, gid: 12346, groups: [] },
    },
  };
  t.regex((await runTask(second, ['sh', '-c', 'sleep 0 & wait; echo all'], elsewhere)).stdout, /all/);
  bomb.kill();
  await finish(bomb);
  t.false(await isLeft());
});

rootTest('who takes more memory than there is is ended, and the node is not', async (t) => {
  const job = await makeJob(t);
  const limits = limitsOf('memory', { memoryBytes: 64 * MIB });
  const fills = ['sh', '-c', 'head -c 200m /dev/zero | tail -n 1 | wc -c; echo over'];
  t.notRegex((await runTask(job, fills, limits)).stdout, /209715200/);
  t.is(
    (await runTask(job, ['sh', '-c', 'head -c 20m /dev/zero | tail -n 1 | wc -c'], limits)).stdout,
    `${20 * MIB}\n`,
  );
  t.false(await isLeft());
});
