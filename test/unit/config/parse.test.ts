import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { TeesError } from '../../../src/base/errors.js';
import { THRESHOLD_NEVER } from '../../../src/config/config.js';
import { CONFIG_KEYS, loadConfig, parseConfig } from '../../../src/config/parse.js';
import { MINIMAL, directoryWith, refusal } from './documents.js';

const FILE = '/srv/cluster/tees.yaml';

test('what is not given has its default', (t) => {
  const config = parseConfig(MINIMAL, FILE);
  const { cluster, ...settings } = config;
  t.deepEqual(settings, {
    file: FILE,
    port: 7611,
    authentication: 'key',
    keyFile: '/etc/tees/cluster.key',
    tree: { width: 15, rootWidth: 64, shape: 'auto', thresholdNodes: 512 },
    store: { directory: '/var/lib/tees', sizeBytes: 8 * 2 ** 30, cacheBytes: 2 * 2 ** 30 },
    runtimeDirectory: '/run/tees',
    resourceManager: 'none',
    hook: 'fuse',
    fuseEngine: 'tees',
    layout: 'auto',
    network: {
      latencySeconds: 50_000 / 1e9,
      hopCostSeconds: 1e-3,
      loginBytesPerSecond: 1.25e9,
      uplinkBytesPerSecond: 1.25e9,
      groupBytesPerSecond: 1.25e9,
    },
    environment: { bind: ['/home', '/tmp'], allow: [] },
    learning: { budgetBytes: 128 * 2 ** 20 },
    stallDeadlineMs: 60_000,
    onStall: 'cancel',
    recoveryDeadlineMs: 10_000,
    repairDelayMs: 2_000,
    silenceDeadlineMs: 15_000,
  });
  t.is(cluster.nodes.size, 9);
});

test('everything that is given is taken', (t) => {
  const text = `cluster: demo
login: { name: login, address: 198.18.0.1 }
groups:
  - { name: rack0, proxy: cn0, slaves: "cn[1-7]" }
  - { proxy: cn8, slaves: [cn9, "cn[10-15]"] }
  - { proxy: cn16 }
addresses: { cn0: 198.18.1.1, "cn[1-2]": "198.18.1.[2-3]", "cn[3-4]": ["fe80::1%eth0", host4] }
port: 1
authentication: munge
keyFile: secrets/key
tree: { width: 3, rootWidth: 5, shape: paper, threshold: never }
store: { directory: store, size: 512MiB, cache: 96MiB }
runtimeDirectory: ./run
resourceManager: slurm
hook: preload
fuseEngine: fuse-native
layout: data-only
network:
  latency: 2.5us
  hopCost: 1.5ms
  loginBandwidth: 100gbit
  uplinkBandwidth: 400mbit
  groupBandwidth: 64kbit
  uplinkInterface: up0
environment: { bind: [/scratch/], allow: [perf, namespaces] }
learning: { budget: 0 }
stallDeadline: 5m
recoveryDeadline: 0s
repairDelay: 500ms
silenceDeadline: 1m
`;
  const { cluster, ...settings } = parseConfig(text, FILE);
  t.deepEqual(settings, {
    file: FILE,
    port: 1,
    authentication: 'munge',
    keyFile: '/srv/cluster/secrets/key',
    tree: { width: 3, rootWidth: 5, shape: 'paper', thresholdNodes: THRESHOLD_NEVER },
    store: { directory: '/srv/cluster/store', sizeBytes: 512 * 2 ** 20, cacheBytes: 96 * 2 ** 20 },
    runtimeDirectory: '/srv/cluster/run',
    resourceManager: 'slurm',
    hook: 'preload',
    fuseEngine: 'fuse-native',
    layout: 'data-only',
    network: {
      latencySeconds: 2.5e-6,
      hopCostSeconds: 1.5e-3,
      loginBytesPerSecond: 12.5e9,
      uplinkBytesPerSecond: 50e6,
      groupBytesPerSecond: 8000,
      uplinkInterface: 'up0',
    },
    environment: { bind: ['/scratch'], allow: ['perf', 'namespaces'] },
    learning: { budgetBytes: 0 },
    stallDeadlineMs: 300_000,
    onStall: 'cancel',
    recoveryDeadlineMs: 0,
    repairDelayMs: 500,
    silenceDeadlineMs: 60_000,
  });
  t.is(cluster.login.address, '198.18.0.1');
  t.deepEqual(
    cluster.groups.map(({ name, proxy, slaves }) => [name, proxy, slaves.length]),
    [
      ['rack0', 'cn0', 7],
      ['g1', 'cn8', 7],
      ['g2', 'cn16', 0],
    ],
  );
  const addressOf = (name: string): string | undefined => cluster.nodes.get(name)?.address;
  t.deepEqual(['cn0', 'cn1', 'cn2', 'cn3', 'cn4', 'cn5'].map(addressOf), [
    '198.18.1.1',
    '198.18.1.2',
    '198.18.1.3',
    'fe80::1%eth0',
    'host4',
    'cn5',
  ]);
});

for (const [threshold, nodes] of [
  ['0', 0],
  ['100', 100],
  ['never', THRESHOLD_NEVER],
] as const) {
  test(`threshold ${threshold}`, (t) => {
    t.is(parseConfig(`${MINIMAL}tree: { threshold: ${threshold} }\n`, FILE).tree.thresholdNodes, nodes);
  });
}

for (const [size, bytes] of [
  ['8GiB', 8 * 2 ** 30],
  ['1.5 gib', 1.5 * 2 ** 30],
  ['1048576', 2 ** 20],
  ['2TiB', 2 * 2 ** 40],
] as const) {
  test(`a store of ${size}`, (t) => {
    t.is(parseConfig(`${MINIMAL}store: { size: ${size} }\n`, FILE).store.sizeBytes, bytes);
  });
}

for (const [duration, milliseconds] of [
  ['500ms', 500],
  ['60s', 60_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
] as const) {
  test(`a stall deadline of ${duration}`, (t) => {
    t.is(parseConfig(`${MINIMAL}stallDeadline: ${duration}\n`, FILE).stallDeadlineMs, milliseconds);
  });
}

test('an anchor is read where its alias stands', (t) => {
  const text = `cluster: demo\nlogin: { name: login }\ngroups: [{ proxy: &first cn0, slaves: cn1 }]\naddresses: { cn1: *first }\n`;
  t.is(parseConfig(text, FILE).cluster.nodes.get('cn1')?.address, 'cn0');
});

test('Slurm’s topology.conf is found beside the configuration', (t) => {
  const directory = directoryWith(t, {
    'topology.conf':
      'SwitchName=s0 Nodes=cn[0-3]\nSwitchName=s1 Nodes=cn[4-7]\nSwitchName=r Switches=s[0-1]\n',
    'tees.yaml': 'cluster: demo\nlogin: { name: login }\ntopology: topology.conf\nproxies: "cn[1,4]"\n',
  });
  const { cluster } = loadConfig(join(directory, 'tees.yaml'));
  t.deepEqual(cluster.groups, [
    { name: 's0', proxy: 'cn1', slaves: ['cn0', 'cn2', 'cn3'] },
    { name: 's1', proxy: 'cn4', slaves: ['cn5', 'cn6', 'cn7'] },
  ]);
});

test('an error in topology.conf is placed there', (t) => {
  const directory = directoryWith(t, {
    'topology.conf': '\nSwitchName=s0 Nodes=cn[0-\n',
    'tees.yaml': 'cluster: demo\nlogin: { name: login }\ntopology: topology.conf\n',
  });
  const error = refusal(() => loadConfig(join(directory, 'tees.yaml')));
  t.is(error.code, 'TOPOLOGY_INVALID');
  t.true(error.message.startsWith(`${join(directory, 'topology.conf')}:2: Nodes: `));
});

test('a configuration that is not there is said to be missing', (t) => {
  const error = refusal(() => loadConfig('/nonexistent/tees.yaml'));
  t.is(error.code, 'CONFIG_NOT_FOUND');
  t.is(error.path, '/nonexistent/tees.yaml');
  t.true(error.usage);
});

test('a directory is no configuration', (t) => {
  t.is(refusal(() => loadConfig(directoryWith(t, {}))).code, 'CONFIG_UNREADABLE');
});

test('2,500 groups and 20,000 addresses are read', (t) => {
  const groups = Array.from(
    { length: 2500 },
    (_, i) => `  - { proxy: cn${8 * i}, slaves: "cn[${8 * i + 1}-${8 * i + 7}]" }`,
  );
  const addresses = Array.from({ length: 20_000 }, (_, i) => `  cn${i}: 10.0.${i >> 8}.${i & 255}`);
  const text = [
    'cluster: big',
    'login: { name: login }',
    'groups:',
    ...groups,
    'addresses:',
    ...addresses,
  ].join('\n');
  const startedMs = performance.now();
  const { cluster } = parseConfig(text, FILE);
  t.log(`${(performance.now() - startedMs).toFixed(0)} ms`);
  t.is(cluster.nodes.size, 20_001);
  t.is(cluster.nodes.get('cn19999')?.address, '10.0.78.31');
});

test('every prefix of a configuration is read or refused as a usage error', (t) => {
  const text = `${MINIMAL}addresses: { "cn[0-1]": [a, b] }\nstore: { size: 8GiB }\nenvironment: { bind: [/home] }\n`;
  for (let end = 0; end <= text.length; end++) {
    try {
      parseConfig(text.slice(0, end), FILE);
    } catch (error) {
      t.true(
        error instanceof TeesError && error.usage && error.message.startsWith(`${FILE}:`),
        String(error),
      );
    }
  }
  t.pass();
});

test('any value at any key is read or refused as a usage error with file and line', (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...CONFIG_KEYS), fc.jsonValue({ maxDepth: 3 }), (key, value) => {
      const text = JSON.stringify({
        cluster: 'demo',
        login: { name: 'login' },
        groups: [{ proxy: 'cn0' }],
        [key]: value,
      });
      try {
        t.truthy(parseConfig(text, FILE));
      } catch (error) {
        t.true(
          error instanceof TeesError && error.usage && error.message.startsWith(`${FILE}:1: `),
          String(error),
        );
      }
    }),
    { numRuns: 1000 },
  );
});
