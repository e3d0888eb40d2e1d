/** What several jobs carry is prepared once, and let go when the last of them has. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import type { Cargo } from '../../../src/login/cargo.js';
import { SharedCargo } from '../../../src/login/shared-cargo.js';

class Layer {
  prepared = 0;
  closed = 0;

  readonly prepare = (): Promise<Cargo> => {
    this.prepared++;
    const source = {
      manifest: {},
      readChunk: (chunk: number) => Promise.resolve(Buffer.from([chunk])),
      pathOf: (content: number) => fromText(`path ${content}`),
      close: () => {
        this.closed++;
        return Promise.resolve();
      },
    };
    return sleep(5).then(() => ({ source }) as unknown as Cargo);
  };
}

test('whoever comes while it is prepared, or soon after, has the same', async (t) => {
  const [layer, shared] = [new Layer(), new SharedCargo()];
  const takers = await Promise.all([1, 2, 3].map(() => shared.ticket()(layer.prepare)));
  takers.push(await shared.ticket()(layer.prepare));
  t.is(layer.prepared, 1);
  t.deepEqual(await takers[2]?.source.readChunk(7), Buffer.from([7]));
  t.is(takers[0]?.source.pathOf(2), fromText('path 2'));
  for (const { source } of takers) await source.close();
  await sleep(1);
  t.is(layer.closed, 0, 'others may come');
  shared.end();
  await sleep(1);
  t.is(layer.closed, 1);
  shared.end();
  t.is(layer.closed, 1);
});

test('a job that began then has the layer as it was then, however late it can take it', async (t) => {
  let nowMs = 0;
  const [layer, shared] = [new Layer(), new SharedCargo({ nowMs: () => nowMs })];
  const ticket = shared.ticket();
  await shared.ticket()(layer.prepare);
  nowMs = 60_000;
  await ticket(layer.prepare);
  t.is(layer.prepared, 1);
});

test('it stays open for as long as somebody reads it, and is closed by each once', async (t) => {
  const [layer, shared] = [new Layer(), new SharedCargo()];
  const [one, other] = [await shared.ticket()(layer.prepare), await shared.ticket()(layer.prepare)];
  shared.end();
  await one.source.close();
  await one.source.close();
  await sleep(1);
  t.is(layer.closed, 0);
  await other.source.close();
  await sleep(1);
  t.is(layer.closed, 1);
});

test('who comes later has the layer as it is later', async (t) => {
  let nowMs = 0;
  const [layer, shared] = [new Layer(), new SharedCargo({ nowMs: () => nowMs })];
  const early = await shared.ticket()(layer.prepare);
  nowMs = 31_000;
  const late = await shared.ticket()(layer.prepare);
  t.is(layer.prepared, 2);
  await early.source.close();
  await sleep(1);
  t.is(layer.closed, 1);
  await late.source.close();
  shared.end();
  await sleep(1);
  t.is(layer.closed, 2);
});

test('when the first is given up, the next prepares it for itself and the others', async (t) => {
  const [layer, shared] = [new Layer(), new SharedCargo()];
  const first = shared.ticket()(async () => {
    await sleep(5);
    throw new Error('given up');
  });
  const others = [1, 2].map(() => shared.ticket()(layer.prepare));
  await t.throwsAsync(first, { message: 'given up' });
  t.is((await Promise.all(others)).length, 2);
  t.is(layer.prepared, 1);
});

test('what cannot be prepared each is told', async (t) => {
  const shared = new SharedCargo();
  const fails = (): Promise<Cargo> => Promise.reject(new Error('no such layer'));
  for (const taken of [shared.ticket()(fails), shared.ticket()(fails)])
    await t.throwsAsync(taken, { message: 'no such layer' });
});
