/**
 * The login daemon is root and reads for users. What a user cannot read by themselves, they must not hear of through
 * it: not by the layer they name, nor by the command, nor in what an error says.
 */
import type { ExecutionContext } from 'ava';
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoneLogin, NOBODY, errorOf, runRequest } from '../../support/hostile-command.js';
import { makeNodeDirectory, makeStore, rootTest } from '../../system/environment/fixture.js';
import { asUser } from '../../../src/base/native.js';
import { scanLayer } from '../../../src/scan/scan.js';
import { encodeFrame } from '../../../src/wire/frame.js';

const user = { uid: NOBODY, gid: NOBODY, groups: [NOBODY + 1] };

/** On the way to what the user may see. */
function passable(directory: string): string {
  chmodSync(directory, 0o755);
  return directory;
}

function ownDirectory(path: string): string {
  mkdirSync(path, { recursive: true });
  chownSync(path, NOBODY, NOBODY);
  return path;
}

async function refusalOf(
  t: ExecutionContext,
  upper: string,
  more: Parameters<typeof runRequest>[1] = {},
): Promise<{ code: string; message: string; path?: string }> {
  const login = await LoneLogin.start(t, makeStore(t));
  return errorOf(await login.ask(encodeFrame(runRequest(upper, more)), NOBODY));
}

rootTest('a user who claims to be another is refused, whatever the message says', async (t) => {
  const upper = ownDirectory(join(passable(makeStore(t)), 'upper'));
  for (const uid of [0, NOBODY]) {
    const { code } = await refusalOf(t, upper, { user: { uid, gid: uid, groups: [] } });
    t.is(code, 'USER_FORBIDDEN');
  }
});

rootTest("another user's directory is refused, also through a link that the user owns", async (t) => {
  const place = passable(makeNodeDirectory(t) as string);
  mkdirSync(join(place, 'roots'));
  chownSync(place, NOBODY, NOBODY);
  const link = join(place, 'link');
  asUser(user, () => symlinkSync(join(place, 'roots'), link));
  for (const upper of [join(place, 'roots'), link, '/', '/etc', '/proc/1', '/proc/self'])
    t.is((await refusalOf(t, upper)).code, 'LAYER_FORBIDDEN', upper);
});

rootTest('what lies behind a directory that the user cannot enter is out of reach', async (t) => {
  const place = passable(makeNodeDirectory(t) as string);
  const closed = join(place, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const upper = ownDirectory(join(closed, 'upper'));
  writeFileSync(join(upper, 'secret'), 'for all that get here', { mode: 0o644 });
  for (const path of [upper, `/proc/self/root${upper}`]) {
    const error = await refusalOf(t, path);
    t.is(error.code, 'LAYER_UNREADABLE', path);
    t.regex(error.message, /EACCES/);
  }
  await t.throwsAsync(scanLayer(upper, { user }), { code: 'LAYER_UNREADABLE' });
});

rootTest(
  'a link that leads elsewhere from one look to the next never leads to what is not theirs',
  async (t) => {
    const place = passable(makeNodeDirectory(t) as string);
    const own = ownDirectory(join(place, 'own'));
    const roots = join(place, 'roots');
    mkdirSync(roots);
    const link = join(place, 'link');
    const swap = 'while :; do ln -sfn "$1" "$3"; ln -sfn "$2" "$3"; done';
    const swapping = execFile('timeout', ['60', 'sh', '-c', swap, 'sh', own, roots, link]);
    const ended = new Promise((resolve) => swapping.once('close', resolve));
    let taken = 0;
    for (let i = 0; i < 60; i++) {
      try {
        const layer = await scanLayer(link, { user });
        t.is(layer.manifest.entries[0]?.uid, NOBODY);
        await layer.close();
        taken++;
      } catch (error) {
        t.regex((error as { code: string }).code, /^(LAYER_FORBIDDEN|LAYER_NOT_FOUND)$/);
      }
    }
    swapping.kill();
    await ended;
    t.true(taken < 60);
  },
);

rootTest('a command that the user cannot read gives nothing of it away', async (t) => {
  const place = passable(makeNodeDirectory(t) as string);
  const upper = ownDirectory(join(passable(makeStore(t)), 'upper'));
  const closed = join(place, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  writeFileSync(join(closed, 'script'), '#!/secret-in-closed\n', { mode: 0o755 });
  writeFileSync(join(place, 'unreadable'), '#!/secret-of-root\n', { mode: 0o711 });
  for (const path of [join(closed, 'script'), join(place, 'unreadable')]) {
    const error = await refusalOf(t, upper, { argv: [path] });
    t.not(error.code, 'LAYER_UNREADABLE');
    t.false(JSON.stringify(error).includes('secret-'), JSON.stringify(error));
  }
  const [there, absent] = [join(closed, 'script'), join(closed, 'nothing')];
  const said = await Promise.all([there, absent].map((path) => refusalOf(t, upper, { argv: [path] })));
  const shown = said.map((error, i) =>
    JSON.stringify(error).replaceAll([there, absent][i] as string, 'PATH'),
  );
  t.is(shown[0], shown[1], 'whether a closed directory holds a name is not told');
});

rootTest('afterwards the daemon is itself again, also when the look has failed', (t) => {
  const place = passable(makeNodeDirectory(t) as string);
  const closed = join(place, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const look = (): void => writeFileSync(join(closed, 'file'), '');
  t.throws(() => asUser(user, look), { code: 'EACCES' });
  t.notThrows(look);
  return Promise.resolve();
});
