/**
 * What is the same whatever way a layer takes to the nodes: each method does it on a cluster where all ways are slow, and a
 * storage node stands behind a link of its own.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MethodName } from '../../../src/planning/method.js';
import { METHODS } from '../../../src/planning/method.js';
import type { Report } from '../../../src/report/report.js';
import { clusterTests, runWords, startJob } from '../../support/cluster-tests.js';
import type { Test } from '../../support/cluster-tests.js';
import { describeTree } from '../../support/describe-tree.js';
import { supportScript } from '../../support/dummies.js';
import { remainsAfterAWhile } from '../../support/remains.js';
import { eventually, linesByNode, tees } from '../../support/tees.js';
import type { Outcome } from '../../support/tees.js';

const NODES = ['cn0', 'cn1', 'cn2', 'cn3'];
const LIST = 'cn[0-3]';
const STORE_MIB = 96;
/** Small, and what comes last of all: files that are seldom read. */
const LAST = 'usr/share/doc/tees-test/last';

const maybe = clusterTests(
  {
    ...{ groups: 2, groupSize: 2, uplink: '48mbit', storage: '160mbit', storeSize: `${STORE_MIB}MiB` },
    settings: { silenceDeadline: '3s', recoveryDeadline: '3s', repairDelay: '1s' },
  },
  {
    small: { 'opt/file': 'content\n' },
    tree: {
      ...Object.fromEntries(
        Array.from({ length: 60 }, (_, i) => [`opt/tree/d${i % 7}/f${i}`, `file ${i}\n`]),
      ),
      ...{ 'opt/tree/empty': '', 'opt/tree/large': randomBytes(3 << 20), 'opt/tree/program': '#!/bin/sh\n' },
    },
    late: { 'opt/late': randomBytes(12 << 20), 'opt/urgent': 'urgent\n', [LAST]: 'last\n' },
  },
);

interface Done extends Outcome {
  readonly report: Report;
}

async function run(
  t: Test,
  method: string,
  layer: string,
  words: string[],
  ...options: string[]
): Promise<Done> {
  const file = join(t.context.scratch, `${method}-${layer}.json`);
  const all = ['--method', method, '--no-learn', '--report', file, ...options];
  const done = await tees([...runWords(t, layer, LIST, ...all), ...words]);
  t.is(done.status, 0, done.stderr);
  return { ...done, report: JSON.parse(readFileSync(file, 'utf8')) as Report };
}

/** On the nodes, and on the shared storage. */
async function nothingIsLeft(t: Test): Promise<void> {
  const { cluster } = t.context;
  t.deepEqual(await remainsAfterAWhile(cluster), []);
  const { stdout, status } = await cluster.exec('login', ['ls', '-A', `${cluster.stateDirectory}/shared`]);
  t.is(status, 0);
  t.is(stdout, '');
}

function storeOf(t: Test, node: string): string {
  return `${t.context.cluster.stateDirectory}/nodes/${node}/store`;
}

async function onNode(t: Test, node: string, script: string): Promise<string> {
  const { status, stdout, stderr } = await t.context.cluster.exec(node, ['sh', '-c', script]);
  t.is(status, 0, stderr);
  return stdout;
}

/** Something of the layer is in the node's store, and not all. */
function streaming(t: Test, node: string): Promise<boolean> {
  const script = `du -ck ${storeOf(t, node)}/jobs/*/incoming/ 2>/dev/null | tail -1`;
  return eventually(
    `something streams into ${node}`,
    async () => parseInt(await onNode(t, node, script), 10) > 256,
  );
}

for (const method of Object.keys(METHODS) as MethodName[]) {
  maybe(`${method}: the layer is the same everywhere`, async (t) => {
    const tree = join(t.context.scratch, 'tree/opt/tree');
    if (method === 'p2p') {
      chmodSync(join(tree, 'program'), 0o4751);
      linkSync(join(tree, 'large'), join(tree, 'linked'));
      symlinkSync('d0/f0', join(tree, 'symbolic'));
    }
    const words = [process.execPath, supportScript('describe-tree'), '/opt/tree'];
    const { stdout, report } = await run(t, method, 'tree', words, '--complete');
    const expected = describeTree(tree);
    t.true(expected.length > 70);
    for (const node of NODES) t.deepEqual(linesByNode(stdout).get(node), expected, node);
    t.is(report.method, method);
    await nothingIsLeft(t);
  });

  maybe(
    `${method}: the command starts when its urgent part is there, and a read waits for the rest`,
    async (t) => {
      const script = 'cat /opt/urgent; wc -c < /opt/late';
      const urgent = ['--urgent', '/opt/urgent', '--complete'];
      const { stdout, report } = await run(t, method, 'late', ['sh', '-c', script], ...urgent);
      for (const node of NODES) {
        t.deepEqual(linesByNode(stdout).get(node), ['urgent', String(12 << 20)], node);
        const { launched = Infinity, hystereticDelivered = 0 } = report.perNode[node] ?? {};
        t.true(launched < hystereticDelivered, `${node}: ${launched} of ${hystereticDelivered} s`);
        t.true(report.blocked.some((read) => read.node === node && read.path === '/opt/late'));
        t.false(report.blocked.some((read) => read.path === '/opt/urgent'));
      }
    },
  );

  maybe(`${method}: a read that waits brings its file forward`, async (t) => {
    const { stdout, report } = await run(t, method, 'late', ['sh', '-c', `cat /${LAST}`], '--complete');
    for (const node of NODES) {
      t.deepEqual(linesByNode(stdout).get(node), ['last'], node);
      const { launched = 0, hystereticDelivered = 0 } = report.perNode[node] ?? {};
      const waited =
        report.blocked.find((read) => read.node === node && read.path === `/${LAST}`)?.seconds ?? 0;
      const all = hystereticDelivered - launched;
      // Where another node has asked for it before, it may be there already.
      t.true(waited < 0.6 * all, `${node}: waited ${waited} of ${all} s`);
    }
    t.true(report.blocked.some(({ path }) => path === `/${LAST}`));
  });

  maybe(`${method}: a job that is cancelled in the middle leaves nothing`, async (t) => {
    const job = startJob(t, 'late', LIST, 'cat /opt/late | wc -c', '--method', method, '--no-learn');
    for (const node of NODES) await job.task(node);
    await streaming(t, 'cn1');
    job.signal('SIGKILL');
    await job.ended;
    await nothingIsLeft(t);
    await run(t, method, 'small', ['cat', '/opt/file']);
  });

  maybe(`${method}: a store that fills up is named, and leaves nothing`, async (t) => {
    const job = startJob(t, 'late', LIST, 'cat /opt/late | wc -c', '--method', method, '--no-learn');
    await job.task('cn1');
    await streaming(t, 'cn1');
    await onNode(t, 'cn1', `cat /dev/zero >${storeOf(t, 'cn1')}/filler 2>/dev/null || true`);
    const { status, stderr } = await job.ended;
    await onNode(t, 'cn1', `rm ${storeOf(t, 'cn1')}/filler`);
    t.is(status, 1);
    t.regex(stderr, /tees: STORE_FULL: .*\n {2}at node cn1, path \//);
    await nothingIsLeft(t);
  });

  maybe(`${method}: the others complete without a node that is lost`, async (t) => {
    t.timeout(120_000);
    const { cluster, scratch } = t.context;
    const file = join(scratch, 'lost.json');
    const options = ['--method', method, '--no-learn', '--on-loss', 'continue', '--report', file];
    const job = startJob(t, 'late', LIST, 'wc -c < /opt/late', ...options);
    for (const node of NODES) await job.task(node);
    await sleep(200);
    await cluster.signalNode('cn3', 'SIGSTOP');
    const { status, stdout, stderr } = await job.ended;
    await cluster.signalNode('cn3', 'SIGCONT');
    t.is(status, 0, stderr);
    for (const node of NODES.slice(0, 3))
      t.deepEqual(linesByNode(stdout).get(node), [String(12 << 20)], node);
    t.deepEqual((JSON.parse(readFileSync(file, 'utf8')) as Report).lost, ['cn3']);
    await nothingIsLeft(t);
  });
}
