/** Tasks of an array begin on many nodes: what they need is carried there once, and none of them depends on that. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { ArrayCarriers } from '../../../src/login/carriers.js';

class Site {
  /** Those of each running task. */
  running: string[] = [];
  readonly carried: (readonly string[])[] = [];
  readonly ended: number[] = [];
  readonly #ready: ((node: string) => void)[] = [];
  readonly #over: (() => void)[] = [];
  readonly began: string[] = [];
  readonly carriers: ArrayCarriers;
  asked = 0;

  constructor(deadlineMs = 60_000) {
    this.carriers = new ArrayCarriers(
      {
        taskNodes: () => {
          this.asked++;
          return Promise.resolve(this.running);
        },
        carry: (nodes, onReady) => {
          const index = this.carried.push(nodes) - 1;
          this.#ready.push(onReady);
          const over = new Promise<void>((resolve) => this.#over.push(resolve));
          const end = (): void => {
            this.ended.push(index);
            this.#over[index]?.();
          };
          return { over, end };
        },
      },
      deadlineMs,
    );
  }

  /** A task's job. */
  begin(...nodes: string[]): Promise<void> {
    return this.carriers.before(nodes).then(() => void this.began.push(nodes.join()));
  }

  ready(node: string, carrier = 0): void {
    this.#ready[carrier]?.(node);
  }

  over(carrier = 0): void {
    this.#over[carrier]?.();
  }
}

const settled = (): Promise<void> => sleep(5);

test('one takes it to all nodes; each task begins when it is on its own', async (t) => {
  const site = new Site();
  site.running = ['cn0', 'cn0', 'cn1', 'cn2'];
  const jobs = ['cn1', 'cn0', 'cn0', 'cn2'].map((node) => site.begin(node));
  await settled();
  t.deepEqual(site.carried, [['cn0', 'cn1', 'cn2']]);
  t.is(site.asked, 1);
  t.deepEqual(site.began, []);
  site.ready('cn0');
  await settled();
  t.deepEqual(site.began, ['cn0', 'cn0']);
  site.over();
  await Promise.all(jobs);
});

test('a task that begins alone does not wait, and several on one node have one', async (t) => {
  const site = new Site();
  site.running = ['cn0'];
  await site.begin('cn0');
  t.deepEqual(site.carried, []);
  site.running = ['cn0', 'cn0'];
  void site.begin('cn0');
  await settled();
  t.deepEqual(site.carried, [['cn0']]);
});

test('later tasks on other nodes have another; on the same they find it there', async (t) => {
  const site = new Site();
  site.running = ['cn0', 'cn1'];
  const first = site.begin('cn0');
  await settled();
  site.ready('cn0');
  site.ready('cn1');
  await first;
  await site.begin('cn1');
  site.running = ['cn0', 'cn2', 'cn3'];
  void site.begin('cn2');
  await settled();
  t.deepEqual(site.carried, [
    ['cn0', 'cn1'],
    ['cn2', 'cn3'],
  ]);
});

test('tasks of several nodes wait for all of theirs', async (t) => {
  const site = new Site();
  site.running = ['cn0', 'cn1', 'cn2', 'cn3'];
  const job = site.begin('cn0', 'cn1');
  await settled();
  site.ready('cn0');
  await settled();
  t.deepEqual(site.began, []);
  site.ready('cn1');
  await job;
  // A single task of many nodes is no many.
  const alone = new Site();
  alone.running = ['cn0', 'cn1'];
  await alone.begin('cn0', 'cn1');
  t.deepEqual(alone.carried, []);
});

test('who waits too long, or for one that is over, begins by itself', async (t) => {
  const late = new Site(30);
  late.running = ['cn0', 'cn1'];
  await late.begin('cn0');
  const failed = new Site();
  failed.running = ['cn0', 'cn1'];
  const job = failed.begin('cn0');
  await settled();
  failed.over();
  await job;
  t.pass();
});

test('a task whom the manager does not name yet begins by itself', async (t) => {
  const site = new Site();
  site.running = ['cn4', 'cn5'];
  await site.begin('cn0');
  t.deepEqual(site.carried, []);
});

test('with the last task of an array what is carried ends', async (t) => {
  const site = new Site();
  site.running = ['cn0', 'cn1'];
  const job = site.begin('cn0');
  await settled();
  await site.carriers.end();
  t.deepEqual(site.ended, [0]);
  await job;
});
