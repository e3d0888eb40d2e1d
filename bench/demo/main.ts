/**
 * `npm run demo`: a real environment of several hundred MB goes to sixteen nodes behind two slow uplinks; Python
 * with NumPy and SciPy runs on all of them before it has arrived, and a timeline shows what happened when.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { TeesError, describeError } from '../../src/base/errors.js';
import { CleanupStack, onShutdownSignal } from '../../src/base/lifecycle.js';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import type { Report } from '../../src/report/report.js';
import { wantsColour } from '../../src/report/paint.js';
import { renderTimeline } from '../../src/report/timeline.js';
import { formatCount, formatSeconds, wrap } from '../../src/report/units.js';
import { CATALOGUE } from '../layers/catalogue.js';
import { layerDirectories } from '../layers/places.js';
import { prepareDebianLayer } from '../layers/debian.js';
import type { DebianLayer } from '../layers/debian.js';

const GROUPS = 2;
const GROUP_SIZE = 8;
/** So slow that the network, and not a small machine's two cores, decides how long it takes. */
const UPLINK = '100mbit';
/** The task runs as an ordinary user. */
const USER = 'nobody';
/** The layer's own, whatever the caller's PATH finds first. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = '/opt/demo/solve.py';

const cleanup = new CleanupStack((name, error) => say(`while cleaning up ${name}: ${String(error)}`));
let interrupted = false;

async function main(): Promise<number> {
  if (process.getuid?.() !== 0) {
    throw new TeesError('NOT_ROOT', 'the demonstration makes namespaces and mounts', {
      hint: 'Run it as root: sudo npm run demo',
    });
  }
  const removeHandlers = onShutdownSignal((signal) => {
    interrupted = true;
    say(`${signal}: cleaning up`);
    return cleanup.run();
  });
  try {
    const layer = await prepareLayer();
    const cluster = await bringUp();
    const report = await deploy(cluster, layer, ['--complete', '--progress']);
    process.stdout.write(
      '\n' + renderTimeline(report, { width: columns(), color: wantsColour(process.stdout) }) + '\n',
    );
    process.stdout.write('\nThe same command once more: what it has read goes first now.\n\n');
    const again = await deploy(cluster, layer, ['--quiet', '--no-progress']);
    process.stdout.write('\n' + wrap(compare(again), columns()).join('\n') + '\n');
    return Math.max(...Object.values(report.exit), ...Object.values(again.exit));
  } finally {
    await cleanup.run();
    removeHandlers();
  }
}

async function prepareLayer(): Promise<DebianLayer> {
  const { packages, without } = CATALOGUE.scipy;
  say(`preparing an upper layer: ${packages.join(', ')} and what they need`);
  const abort = new AbortController();
  const preparation = prepareDebianLayer({
    packages,
    without,
    ...layerDirectories('scipy'),
    onProgress: (text) => say(`  ${text}`),
    signal: abort.signal,
  });
  cleanup.push('the layer', async () => {
    abort.abort();
    await preparation.catch(() => {});
  });
  const layer = await preparation;
  mkdirSync(join(layer.directory, 'opt/demo'), { recursive: true });
  copyFileSync(new URL('../../../bench/demo/solve.py', import.meta.url), join(layer.directory, SCRIPT));
  say(`  ${Math.round(layer.bytes / 1e6)} MB in ${layer.files} files, ${layer.packages.length} packages`);
  return layer;
}

async function bringUp(): Promise<EmbeddedCluster> {
  say(
    `bringing up a login node and ${GROUPS} groups of ${GROUP_SIZE} nodes, each behind one ${UPLINK} uplink`,
  );
  const started = performance.now();
  const cluster = await startCluster({ groups: GROUPS, groupSize: GROUP_SIZE, uplink: UPLINK });
  cleanup.push('the cluster', () => cluster.down());
  say(
    `  ${cluster.nodes.length + 1} daemons serve after ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  return cluster;
}

/** With the run before, which it has learnt from. */
function compare({ learning, timeline }: Report): string {
  const told = ({ files, seconds }: { files: number; seconds: number }): string =>
    `${formatCount(files, 'file')}, ${formatSeconds(seconds)} on each node`;
  const { before, now } = learning ?? {};
  const waits = before && now ? `Waited for: ${told(before)}, in the first run; ${told(now)}, now.` : '';
  return `${waits} Done ${formatSeconds(timeline.exited ?? NaN)} after submission.`;
}

async function deploy(
  cluster: EmbeddedCluster,
  layer: DebianLayer,
  options: readonly string[],
): Promise<Report> {
  const scratch = mkdtempSync(join(tmpdir(), 'tees-demo-'));
  cleanup.push('scratch files', () => rmSync(scratch, { recursive: true, force: true }));
  const reportFile = join(scratch, 'report.json');
  const nodes = `cn[0-${cluster.nodes.length - 1}]`;
  const args = ['run', '--nodes', nodes, '--upper', layer.directory, '--user', USER, ...options];
  const complete = options.includes('--complete') ? ' --complete' : '';
  const shown = `$ tees run --nodes ${nodes} --upper LAYER${complete} --user ${USER}`;
  process.stdout.write(`${shown} \\\n    -- ${PYTHON} ${SCRIPT}\n\n`);
  const child = spawn(
    process.execPath,
    [teesMain(), '--cluster', cluster.stateDirectory, ...args, '--report', reportFile, '--', PYTHON, SCRIPT],
    // In a session of its own: an interrupt from the terminal is for the demonstration, which ends both.
    { stdio: ['ignore', 'inherit', 'inherit'], cwd: '/', detached: true },
  );
  const end = ended(child);
  cleanup.push('the command', async () => {
    child.kill('SIGKILL');
    await end.catch(() => {});
  });
  const status = await end;
  if (status !== 0) throw new TeesError('DEMO_FAILED', `tees run ended with status ${status}`);
  return JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
}

function teesMain(): string {
  return new URL('../../src/cli/main.js', import.meta.url).pathname;
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals]));
  });
}

function columns(): number {
  return Math.min(process.stdout.columns ?? 80, 100);
}

/** What is said further in goes on further in. */
function say(text: string): void {
  const indent = /^ */.exec(text)?.[0] ?? '';
  const lines = wrap(text, columns() - indent.length);
  process.stdout.write(lines.map((line) => `${indent}${line}\n`).join(''));
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    if (interrupted) return; // it failed because it was told to end, and it ends with the signal's status
    process.stderr.write(describeError(TeesError.from(error, 'DEMO_FAILED')) + '\n');
    process.exitCode = 1;
  },
);
