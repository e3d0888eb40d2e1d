/** What the emulator finds on the host: tools, state directories, failures of the network tools. */
import test from 'ava';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TeesError } from '../../../src/base/errors.js';
import { mapBounded } from '../../../src/base/bounded.js';
import { networkFailure } from '../../../src/emulator/network.js';
import { StateDirectory } from '../../../src/emulator/state-directory.js';
import { checkSlurmTools, checkTools } from '../../../src/emulator/tools.js';

function temporary(t: { teardown(run: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'tees-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('missing tools are named with their package and the command to install it', (t) => {
  const error = t.throws(() => checkTools('/nowhere', 0), { instanceOf: TeesError });
  t.is(error.code, 'TOOL_MISSING');
  t.regex(error.message, /ip, tc \(Debian package: iproute2\)/);
  t.is(error.hint, 'Install them with: apt-get install iproute2');
});

test('what Slurm needs is asked for when there is to be one: its programs, and the plugin', (t) => {
  const programs = t.throws(() => checkSlurmTools('/nowhere', '/nowhere'), { instanceOf: TeesError });
  t.is(programs.code, 'TOOL_MISSING');
  t.regex(programs.message, /slurmctld, slurmd, munged, .*slurm-client .*munge/);
  const path = temporary(t);
  for (const name of ['srun', 'slurmctld', 'slurmd', 'munged', 'slirp4netns'])
    writeFileSync(join(path, name), '', { mode: 0o755 });
  t.throws(() => checkSlurmTools(path, join(path, 'tees-spank.so')), { code: 'ADDON_MISSING' });
  t.notThrows(() => checkSlurmTools(path, join(path, 'srun')));
});

test('whoever is not root is told so', (t) => {
  t.throws(() => checkTools(undefined, 1000), { code: 'NOT_ROOT' });
});

test('a kernel without tbf is told from other failures', (t) => {
  const complaint = 'Error: Specified qdisc kind is unknown.\nCommand failed -:1\n';
  t.is(networkFailure(['tc', '-batch', '-'], complaint).code, 'CLUSTER_TBF_MISSING');
  t.is(networkFailure(['ip', '-batch', '-'], complaint).code, 'CLUSTER_NETWORK_FAILED');
});

test("the sweep leaves what is not the cluster's", (t) => {
  const path = temporary(t);
  const state = new StateDirectory(path);
  writeFileSync(join(path, 'mine'), '');
  for (const file of [state.configFile, state.keyFile, state.supervisorLog]) writeFileSync(file, '');
  const { directory, store, runtime, log } = state.node('cn0');
  for (const made of [directory, store, runtime]) mkdirSync(made, { recursive: true });
  for (const file of [log, join(store, 'content'), join(directory, 'mine')]) writeFileSync(file, '');
  state.sweep('keep-logs');
  t.deepEqual(readdirSync(path).sort(), ['mine', 'nodes', 'supervisor.log']);
  t.deepEqual(readdirSync(directory).sort(), ['daemon.log', 'mine']);
  state.sweep('drop-logs');
  t.deepEqual(readdirSync(path).sort(), ['mine', 'nodes']);
  t.deepEqual(readdirSync(directory), ['mine']);
});

test('without anything else in it the state directory goes with its logs', (t) => {
  const state = new StateDirectory(join(temporary(t), 'state'));
  state.claim();
  writeFileSync(state.supervisorLog, '');
  state.sweep('drop-logs');
  t.false(existsSync(state.path));
});

test('a state directory that others can write to, or that is a link, is refused', (t) => {
  const path = temporary(t);
  chmodSync(path, 0o777);
  t.throws(() => new StateDirectory(path).claim(), { code: 'CLUSTER_STATE_UNSAFE' });
  chmodSync(path, 0o755);
  symlinkSync(path, `${path}-link`);
  t.teardown(() => rmSync(`${path}-link`));
  t.throws(() => new StateDirectory(`${path}-link`).claim(), { code: 'CLUSTER_STATE_UNSAFE' });
});

test('bounded work never has more under way than allowed, and does all of it', async (t) => {
  let under = 0;
  let most = 0;
  const done: number[] = [];
  await mapBounded([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    most = Math.max(most, ++under);
    await new Promise(setImmediate);
    under--;
    done.push(item);
  });
  t.is(most, 3);
  t.deepEqual(done, [1, 2, 3, 4, 5, 6, 7]);
});

test('bounded work starts nothing more after a failure', async (t) => {
  const begun: number[] = [];
  const work = mapBounded([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item);
    await new Promise(setImmediate);
    if (item === 1) throw new Error('one');
  });
  await t.throwsAsync(work, { message: 'one' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual(begun, [1, 2]);
});
