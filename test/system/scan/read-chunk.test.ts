/** Between scan and sending a file can change: the job gets what was submitted, or an error that names the file. */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fromText } from '../../../src/base/bytes.js';
import { TeesError } from '../../../src/base/errors.js';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import { chunkCountOf } from '../../../src/image/chunks.js';
import type { ScannedLayer } from '../../../src/scan/scan.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { randomBytesOf } from '../../support/special-layer.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const original = randomBytesOf(1, 2 * CHUNK_SIZE_BYTES + 100);

async function withLayer(action: (upper: string, source: ScannedLayer) => Promise<void>): Promise<void> {
  const upper = temporaryDirectory('read-chunk');
  try {
    mkdirSync(join(upper, 'dir'));
    writeFileSync(join(upper, 'dir', 'file'), original);
    const source = await scanLayer(upper);
    try {
      await action(upper, source);
    } finally {
      await source.close();
    }
  } finally {
    rmSync(upper, { recursive: true });
  }
}

async function readAll(source: ScannedLayer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = 0; chunk < chunkCountOf(source.manifest); chunk++)
    chunks.push(await source.readChunk(chunk));
  return Buffer.concat(chunks);
}

async function refusesChunk(t: ExecutionContext, source: ScannedLayer, chunk: number): Promise<void> {
  const error = await t.throwsAsync(source.readChunk(chunk), { instanceOf: TeesError });
  t.like(error, { code: 'LAYER_CHANGED', path: 'dir/file' });
  t.truthy(error.hint);
}

const CHANGES: Record<string, (file: string) => void> = {
  removed: (file) => rmSync(file),
  overwritten: (file) => writeFileSync(file, randomBytesOf(2, original.length)),
  'made shorter': (file) => truncateSync(file, 10),
  'made empty': (file) => truncateSync(file, 0),
  'replaced by a directory': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  'replaced by a link': (file) => {
    rmSync(file);
    symlinkSync('/etc/passwd', file);
  },
  'replaced by a fifo, which must not block,': (file) => {
    rmSync(file);
    execFileSync('mkfifo', [file]);
  },
};
for (const [change, apply] of Object.entries(CHANGES))
  test(`a file that was ${change} is refused by name`, async (t) => {
    await withLayer(async (upper, source) => {
      apply(join(upper, 'dir', 'file'));
      await refusesChunk(t, source, 0);
    });
  });

test('chunks before and after a change in the middle are still those that were scanned', async (t) => {
  await withLayer(async (upper, source) => {
    const changed = Buffer.from(original);
    changed.writeUInt8(changed.readUInt8(CHUNK_SIZE_BYTES + 1) ^ 1, CHUNK_SIZE_BYTES + 1);
    writeFileSync(join(upper, 'dir', 'file'), changed);
    t.true((await source.readChunk(0)).equals(original.subarray(0, CHUNK_SIZE_BYTES)));
    await refusesChunk(t, source, 1);
    t.is((await source.readChunk(2)).length, 100);
  });
});

test('a directory that became a link is not followed, even to the same bytes', async (t) => {
  await withLayer(async (upper, source) => {
    renameSync(join(upper, 'dir'), join(upper, 'elsewhere'));
    symlinkSync('elsewhere', join(upper, 'dir'));
    await refusesChunk(t, source, 0);
  });
});

test('a file that is rewritten with the same bytes is what was submitted', async (t) => {
  await withLayer(async (upper, source) => {
    const file = join(upper, 'dir', 'file');
    rmSync(file);
    writeFileSync(file, original);
    utimesSync(file, 1, 1);
    t.true((await readAll(source)).equals(original));
  });
});

test('a file that is removed while it is being sent is sent to its end', async (t) => {
  await withLayer(async (upper, source) => {
    await source.readChunk(0);
    rmSync(join(upper, 'dir'), { recursive: true });
    t.true((await readAll(source)).equals(original));
  });
});

test('the layer may be renamed while it is being sent', async (t) => {
  await withLayer(async (upper, source) => {
    renameSync(upper, `${upper}-moved`);
    try {
      t.true((await readAll(source)).equals(original));
    } finally {
      renameSync(`${upper}-moved`, upper);
    }
  });
});

test('a content is named by a path of the layer', async (t) => {
  await withLayer((_upper, source) => {
    t.is(source.pathOf(0), fromText('dir/file'));
    return Promise.resolve();
  });
});

test.serial(
  'a layer of many files in many directories is read with few descriptors, and closed leaves none',
  async (t) => {
    const upper = temporaryDirectory('read-many');
    const openDescriptors = (): number =>
      execFileSync(
        'readlink',
        ['-f', ...readdirSync('/proc/self/fd').map((fd) => `/proc/${process.pid}/fd/${fd}`)],
        {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      )
        .split('\n')
        .filter((path) => path.startsWith(upper)).length;
    try {
      for (let i = 0; i < 200; i++) {
        mkdirSync(join(upper, `d${i}`, 'inner'), { recursive: true });
        for (const name of ['a', 'b']) writeFileSync(join(upper, `d${i}`, 'inner', name), `${i} ${name}`);
      }
      const source = await scanLayer(upper);
      await Promise.all(Array.from({ length: 400 }, (_, chunk) => source.readChunk(chunk)));
      const open = openDescriptors();
      t.true(open > 0 && open <= 100, `${open} descriptors`);
      await source.close();
      await source.close();
      t.is(openDescriptors(), 0);
    } finally {
      rmSync(upper, { recursive: true });
    }
  },
);
