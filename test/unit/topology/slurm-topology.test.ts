import test from 'ava';
import { parseSlurmTopology } from '../../../src/topology/slurm-topology.js';

const FILE = 'topology.conf';

test('each leaf switch is a group, its first node the proxy node', (t) => {
  const text = `
# two leaves below one root
SwitchName=s0 Nodes=cn[0-3]
SwitchName=s1 Nodes=cn[4-7] LinkSpeed=100   # faster
SwitchName=root Switches=s[0-1]
`;
  t.deepEqual(parseSlurmTopology(text, FILE), [
    { name: 's0', proxy: 'cn0', slaves: ['cn1', 'cn2', 'cn3'] },
    { name: 's1', proxy: 'cn4', slaves: ['cn5', 'cn6', 'cn7'] },
  ]);
});

test('keys are case-insensitive, lines continue after a backslash, Windows line ends do no harm', (t) => {
  const text = 'switchname=s0 \\\r\n  NODES=cn[0-1]\r\n';
  t.deepEqual(parseSlurmTopology(text, FILE), [{ name: 's0', proxy: 'cn0', slaves: ['cn1'] }]);
});

test('a named proxy node takes the place of the first node', (t) => {
  const text = 'SwitchName=s0 Nodes=cn[0-3]\nSwitchName=s1 Nodes=cn[4-7]\n';
  t.deepEqual(
    parseSlurmTopology(text, FILE, ['cn6']).map((group) => group.proxy),
    ['cn0', 'cn6'],
  );
});

const REFUSED: readonly [string, string, RegExp, string[]?][] = [
  ['an unknown key', 'SwitchNam=s0 Nodes=cn0', /^topology\.conf:1: unknown key "SwitchNam"/],
  ['a word without a value', '\nSwitchName=s0 Nodes', /^topology\.conf:2: Nodes has no value/],
  ['a key given twice', 'SwitchName=s0 Nodes=cn0 Nodes=cn1', /^topology\.conf:1: Nodes is given twice/],
  ['a line without a switch', 'Nodes=cn0', /^topology\.conf:1: SwitchName is missing/],
  [
    'a malformed node list',
    '\n\nSwitchName=s0 Nodes=cn[0-',
    /^topology\.conf:3: Nodes: node list .* character 6/,
  ],
  [
    'nodes and switches at once',
    'SwitchName=s0 Nodes=cn0 Switches=s1\nSwitchName=s1 Nodes=cn1',
    /:1: switch s0 needs either/,
  ],
  ['neither nodes nor switches', 'SwitchName=s0', /:1: switch s0 needs either/],
  [
    'a switch described twice',
    'SwitchName=s0 Nodes=cn0\nSwitchName=s0 Nodes=cn1',
    /:2: switch s0 is on line 1 already/,
  ],
  [
    'a node below two leaves',
    'SwitchName=s0 Nodes=cn[0-3]\nSwitchName=s1 Nodes=cn[3-4]',
    /:2: Nodes: node cn3 is below switch s0 \(line 1\)/,
  ],
  [
    'a switch that is nowhere',
    'SwitchName=s0 Nodes=cn0\nSwitchName=r Switches=s[0-1]',
    /:2: Switches: there is no switch s1/,
  ],
  ['no leaf at all', '# nothing\n', /:1: no switch has nodes/],
  [
    'two proxy nodes of one leaf',
    'SwitchName=s0 Nodes=cn[0-3]',
    /:1: switch s0 has 2 of the proxy nodes: cn1, cn2/,
    ['cn1', 'cn2'],
  ],
  [
    'a proxy node below no leaf',
    'SwitchName=s0 Nodes=cn[0-3]',
    /proxy node cn9 is below no leaf switch/,
    ['cn9'],
  ],
  [
    'the line where a continued statement begins',
    'SwitchName=s0 \\\n Nodes=cn0 \\\n Nodse=1',
    /^topology\.conf:1: unknown key "Nodse"/,
  ],
];
for (const [what, text, message, proxies] of REFUSED) {
  test(`refuses and places ${what}`, (t) => {
    t.throws(() => parseSlurmTopology(text, FILE, proxies), { code: 'TOPOLOGY_INVALID', message });
  });
}
