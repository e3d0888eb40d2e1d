/** One question at a time, however many ask. */
import test from 'ava';
import type { TeesError } from '../../../src/base/errors.js';
import { ManagerQuestions } from '../../../src/login/manager-questions.js';
import type { ManagedJob, ResourceManager } from '../../../src/resource-manager/resource-manager.js';

const RUNNING = { uid: 1, nodes: ['cn0'], runs: true };

/** It answers when it is told to. */
class SlowManager implements ResourceManager {
  readonly name = 'Slow';
  readonly asked: string[][] = [];
  readonly #answers: ((jobs: Map<string, ManagedJob> | Error) => void)[] = [];

  allocation(): undefined {
    return undefined;
  }

  idleNodes(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set());
  }

  lookUp(jobs: readonly string[]): Promise<Map<string, ManagedJob>> {
    this.asked.push([...jobs]);
    return new Promise((resolve, reject) => {
      this.#answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  }

  async answer(answer: Record<string, ManagedJob> | Error): Promise<void> {
    this.#answers.shift()?.(answer instanceof Error ? answer : new Map(Object.entries(answer)));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('what is asked meanwhile is asked about together afterwards, each job once', async (t) => {
  const manager = new SlowManager();
  const questions = new ManagerQuestions(manager);
  const first = questions.ask('1');
  const rest = ['2', '3', '2', '1'].map((job) => questions.ask(job));
  t.deepEqual(manager.asked, [['1']]);
  await manager.answer({ 1: RUNNING });
  t.is(await first, RUNNING);
  t.deepEqual(manager.asked, [['1'], ['2', '3', '1']]);
  await manager.answer({ 1: RUNNING, 2: RUNNING, 3: { ...RUNNING, runs: false } });
  const settled = await Promise.allSettled(rest);
  t.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
  t.is((settled[1] as { reason: TeesError }).reason.code, 'ALLOCATION_UNKNOWN');
});

test('a manager that fails is asked again for those who come later', async (t) => {
  const manager = new SlowManager();
  const questions = new ManagerQuestions(manager);
  const failed = questions.ask('1');
  const later = questions.ask('2');
  const outcome = t.throwsAsync(failed, { message: 'away' });
  await manager.answer(new Error('away'));
  await outcome;
  await manager.answer({ 2: RUNNING });
  t.is(await later, RUNNING);
  const again = questions.ask('1');
  await manager.answer({ 1: RUNNING });
  t.is(await again, RUNNING);
});
