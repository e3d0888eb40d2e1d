/** Somebody works in the layer while it is scanned: nothing outside is ever read, and nothing is half seen. */
import test from 'ava';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TeesError } from '../../../src/base/errors.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { randomBytesOf } from '../../support/special-layer.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** Runs a script, with `fs` and the layer's directory `upper`, again and again until the action is over. */
async function meanwhile(upper: string, script: string, action: () => Promise<void>): Promise<void> {
  const program = `const fs = require('fs'); const upper = process.argv[1]; let round = 0;
    fs.writeFileSync(upper + '-ready', ''); for (;;) { round++; ${script} }`;
  const child: ChildProcess = spawn(process.execPath, ['-e', program, upper], { stdio: 'inherit' });
  const ended = once(child, 'exit');
  try {
    while (!existsSync(`${upper}-ready`)) await sleep(5);
    await action();
  } finally {
    child.kill('SIGKILL');
    await ended;
    for (const path of [upper, `${upper}-ready`]) rmSync(path, { recursive: true, force: true });
  }
}

test.serial('a file that never comes to rest is refused by name', async (t) => {
  const upper = temporaryDirectory('races');
  mkdirSync(join(upper, 'dir'));
  writeFileSync(join(upper, 'dir', 'log'), randomBytesOf(1, 30_000_000));
  await meanwhile(upper, `fs.appendFileSync(upper + '/dir/log', 'x');`, async () => {
    const error = await t.throwsAsync(scanLayer(upper), { instanceOf: TeesError });
    t.like(error, { code: 'LAYER_CHANGED', path: 'dir/log' });
  });
});

test.serial(
  'files that are written beside it and renamed over it are seen whole: the old or the new',
  async (t) => {
    const upper = temporaryDirectory('races');
    const half = 300_000;
    writeFileSync(join(upper, 'state'), Buffer.alloc(2 * half, 'a'));
    const script = `const letter = 'ab'[round % 2];
    fs.writeFileSync(upper + '/unfinished', Buffer.alloc(${2 * half}, letter));
    fs.renameSync(upper + '/unfinished', upper + '/state');`;
    await meanwhile(upper, script, async () => {
      let seen = 0;
      for (let i = 0; i < 8; i++) {
        const source = await scanLayer(upper).catch((error: unknown) => {
          t.is((error as TeesError).code, 'LAYER_CHANGED');
        });
        if (!source) continue;
        const state = source.manifest.entries.find(({ path }) => path === 'state');
        t.is(state?.size, 2 * half);
        seen++;
        await source.close();
      }
      t.true(seen > 0);
    });
  },
);

test.serial('a directory that is exchanged for a link leads nowhere', async (t) => {
  const upper = temporaryDirectory('races');
  const outside = temporaryDirectory('outside');
  mkdirSync(join(upper, 'dir', 'sub'), { recursive: true });
  mkdirSync(join(outside, 'sub'));
  writeFileSync(join(upper, 'dir', 'sub', 'mine'), 'mine');
  writeFileSync(join(outside, 'sub', 'secret'), 'secret');
  symlinkSync(outside, join(upper, 'link'));
  const script = `fs.renameSync(upper + '/dir', upper + '/aside'); fs.renameSync(upper + '/link', upper + '/dir');
    fs.renameSync(upper + '/dir', upper + '/link'); fs.renameSync(upper + '/aside', upper + '/dir');`;
  await meanwhile(upper, script, async () => {
    let seen = 0;
    for (let i = 0; i < 25; i++) {
      const source = await scanLayer(upper).catch((error: unknown) => {
        t.is((error as TeesError).code, 'LAYER_CHANGED');
      });
      if (!source) continue;
      seen++;
      t.false(source.manifest.entries.some(({ path }) => path.endsWith('secret')));
      await source.close();
    }
    t.true(seen > 0);
  });
  rmSync(outside, { recursive: true });
});

test.serial('the event loop goes on while a layer is scanned', async (t) => {
  const upper = temporaryDirectory('races');
  try {
    writeFileSync(join(upper, 'large'), randomBytesOf(1, 200_000_000));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const source = await scanLayer(upper);
    clearInterval(timer);
    await source.close();
    // A scan on this thread would leave a turn or two.
    t.true(turns > 10, `${turns} turns`);
  } finally {
    rmSync(upper, { recursive: true });
  }
});
