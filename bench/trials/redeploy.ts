/**
 * What a second deployment of a layer costs after a small edit: bytes over an uplink, against the edit's size and against
 * sending it all. A real layer of some hundred MB; on the way it is checked that the nodes really have what was edited.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TeesError } from '../../src/base/errors.js';
import { startCluster } from '../../src/emulator/cluster.js';
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';
import { formatBytes, wrap } from '../../src/report/units.js';
import { CATALOGUE } from '../layers/catalogue.js';
import { prepareDebianLayer } from '../layers/debian.js';
import { layerDirectories } from '../layers/places.js';
import { EDITS, editedFiles } from '../redeploy/edits.js';
import { runJob } from '../run-job.js';
import type { Trial, TrialContext } from '../trial.js';

const GROUPS = 2;
const GROUP_SIZE = { full: 8, quick: 2 } as const;
const UPLINK = '200mbit';
const COLUMNS = 80;
const LABEL = 42;
interface Sent {
  readonly what: string;
  /** That are new in the layer. */
  readonly editBytes: number;
  /** Into each group, over its uplink. */
  readonly uplinkBytes: number;
  readonly documentBytes: number;
  /** From the plan until the last node has everything. */
  readonly seconds: number;
}

export const trial: Trial = async (context) => {
  const upper = await copyOfLayer(context);
  const groupSize = context.quick ? GROUP_SIZE.quick : GROUP_SIZE.full;
  context.say(`${GROUPS} groups of ${groupSize} nodes, uplinks of ${UPLINK}`);
  const cluster = await startCluster({ groups: GROUPS, groupSize, uplink: UPLINK, storeCache: '1GiB' });
  context.cleanup.push('the cluster', () => cluster.down());
  const sent: Sent[] = [];
  const first = await deploy(cluster, upper, 'the first time', 0);
  sent.push({ ...first, editBytes: first.layerBytes });
  for (const edit of EDITS) {
    sent.push(await deploy(cluster, upper, edit.name, edit.make(upper)));
    const { what, uplinkBytes } = sent.at(-1) as Sent;
    context.say(`${what}: ${formatBytes(uplinkBytes)} over each uplink`);
  }
  return {
    text: table(sent, groupSize),
    facts: { groups: GROUPS, groupSize, uplink: UPLINK, layerBytes: first.layerBytes, sent },
  };
};

async function copyOfLayer(context: TrialContext): Promise<string> {
  const { packages, without } = CATALOGUE.scipy;
  const onProgress = (text: string): void => context.say(text);
  const layer = await prepareDebianLayer({ packages, without, ...layerDirectories('scipy'), onProgress });
  const scratch = mkdtempSync(join(tmpdir(), 'tees-redeploy-'));
  context.cleanup.push('the layer', () => rmSync(scratch, { recursive: true, force: true }));
  const upper = join(scratch, 'upper');
  execFileSync('cp', ['-a', layer.directory, upper]);
  return upper;
}

async function deploy(
  cluster: EmbeddedCluster,
  upper: string,
  what: string,
  editBytes: number,
): Promise<Sent & { layerBytes: number }> {
  const words = [
    '--nodes',
    `cn[0-${cluster.nodes.length - 1}]`,
    '--upper',
    upper,
    '--complete',
    '--no-learn',
  ];
  const digests = new Set<string>();
  const show = `cat ${editedFiles(upper).join(' ')} | sha256sum`;
  const { bytes, timeline, uplinks } = await runJob(cluster, words, ['sh', '-c', `cd /; ${show}`], {
    onOutput: (text) => text.split('\n').forEach((line) => digests.add(line.replace(/^[^:]*: /, ''))),
  });
  digests.delete('');
  const expected = String(execFileSync('sh', ['-c', `cd ${upper}; ${show}`])).trim();
  if (digests.size !== 1 || !digests.has(expected))
    throw new TeesError('TRIAL_FAILED', `after '${what}' the nodes do not have what the layer has`);
  const { planned = NaN, hystereticDelivered = NaN } = timeline;
  return {
    what,
    editBytes,
    uplinkBytes: bytes.uplinkIn / uplinks.length,
    documentBytes: bytes.manifest,
    seconds: hystereticDelivered - planned,
    layerBytes: bytes.urgent + bytes.hysteretic,
  };
}

function table(sent: readonly Sent[], groupSize: number): string {
  const [first] = sent as [Sent];
  const head = ['new', 'uplink', 'of all', 'seconds'];
  const rows = sent.map(({ what, editBytes, uplinkBytes, seconds }) => {
    const part = `${((100 * uplinkBytes) / first.uplinkBytes).toFixed(2)} %`;
    return line(what, [formatBytes(editBytes), formatBytes(uplinkBytes), part, seconds.toFixed(2)]);
  });
  const [, ...edits] = sent;
  const most = edits.reduce((worst, one) => (one.uplinkBytes > worst.uplinkBytes ? one : worst));
  const text =
    `A layer of ${formatBytes(first.editBytes)}, deployed to ${GROUPS} groups of ${groupSize} nodes again after each edit: bytes ` +
    'that are new in the layer; bytes into each group over its uplink, with all that is said; part of the first ' +
    `deployment; seconds from the plan until every node has all, by uplinks of ${UPLINK}.`;
  return [
    ...wrap(text, COLUMNS),
    '',
    line('', head),
    ...rows,
    '',
    ...wrap(
      `The most after any edit: ${formatBytes(most.uplinkBytes)}, after '${most.what}'. The document that describes the ` +
        `layer has ${formatBytes(first.documentBytes)}, of which only the pieces with a change are sent; a change within a ` +
        'file costs the chunks of 256 KiB that it touches.',
      COLUMNS,
    ),
  ].join('\n');
}

function line(label: string, values: readonly string[]): string {
  return (label.padEnd(LABEL) + values.map((value) => value.padStart(9)).join('')).trimEnd();
}
