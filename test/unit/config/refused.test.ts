/** Each mistake gives its error, at its file, line and key, and a hint that says what is allowed. */
import test from 'ava';
import { parseConfig } from '../../../src/config/parse.js';
import { MINIMAL, refusal } from './documents.js';

const FILE = 'tees.yaml';
const HEAD = 'cluster: demo\nlogin: { name: login }\n';

/** What is wrong, the text, how the message begins after the file, and what the hint says. */
const REFUSED: readonly [string, string, string, RegExp][] = [
  ['nothing', ' \n', '1: the file is empty', /tees\.example\.yaml/],
  ['a comment alone', '# nothing\n', '1: nothing where a map', /cluster, login, groups/],
  ['a list', '- cluster\n', '1: a list where a map', /cluster, login, groups/],
  ['no cluster', MINIMAL.replace(/^cluster.*\n/, ''), '1: the key cluster is missing', /cluster: NAME/],
  ['no login node', 'cluster: demo\n', '1: the key login is missing', /login: \{ name/],
  ['no groups', HEAD, '1: the key groups is missing', /groups: .*topology: FILE/],
  [
    'an unknown key',
    `${MINIMAL}prot: 7611\n`,
    '5: prot: there is no such key',
    /^Did you mean port\? The known keys here are cluster, .*stallDeadline/,
  ],
  [
    'an unknown inner key',
    `${MINIMAL}tree:\n  widht: 3\n`,
    '6: tree.widht: there is no such key',
    /^Did you mean width\? .*width, rootWidth, shape, threshold/,
  ],
  [
    'an unknown key of a group',
    `${HEAD}groups:\n  - proxy: cn0\n    slave: cn1\n`,
    '5: groups[0].slave: there is no such key',
    /Did you mean slaves\?/,
  ],
  ['a key given twice', `${MINIMAL}port: 1\nport: 2\n`, '6: port: the key stands on line 5 already', /once/],
  [
    'a cluster name that is a number',
    MINIMAL.replace('demo', '42'),
    '1: cluster: the number 42 where text is expected',
    /quotes: "42"/,
  ],
  [
    'a node name that is a number',
    `${HEAD}groups: [{ proxy: 007 }]\n`,
    '3: groups[0].proxy: the number 7 where',
    /quotes: "007"/,
  ],
  [
    'a name with a space',
    MINIMAL.replace('demo', '"my cluster"'),
    '1: cluster: "my cluster" cannot be a name',
    /letters, digits/,
  ],
  [
    'a group list that is a map',
    `${HEAD}groups: { proxy: cn0 }\n`,
    '3: groups: a map where a list of groups',
    /./,
  ],
  ['an empty group list', `${HEAD}groups: []\n`, '3: groups: there is no group', /proxy: cn0/],
  [
    'a group without a proxy node',
    `${HEAD}groups:\n  - slaves: cn1\n`,
    '4: groups[0]: the key proxy is missing',
    /proxy: cn0/,
  ],
  [
    'a group with an empty list of slave nodes',
    `${HEAD}groups:\n  - proxy: cn0\n    slaves: ""\n`,
    '5: groups[0].slaves: group g0 is empty',
    /proxy node alone/,
  ],
  [
    'a group without a value for slaves',
    `${HEAD}groups:\n  - proxy: cn0\n    slaves:\n`,
    '5: groups[0].slaves: nothing where a node list',
    /cn\[1-7\]/,
  ],
  [
    'several proxy nodes',
    `${HEAD}groups: [{ proxy: "cn[0-1]" }]\n`,
    '3: groups[0].proxy: "cn[0-1]" cannot be a name',
    /letters/,
  ],
  [
    'a node in two groups',
    `${HEAD}groups:\n  - { proxy: cn0, slaves: "cn[1-3]" }\n  - { proxy: cn4, slaves: "cn[3-5]" }\n`,
    '5: groups[1].slaves: node cn3 is a slave node of group g0 (line 4) already',
    /one group/,
  ],
  [
    'a proxy node that is a slave node too',
    `${HEAD}groups:\n  - { proxy: cn0, slaves: "cn[0-3]" }\n`,
    '4: groups[0].slaves: node cn0 is the proxy node of group g0 (line 4) already',
    /one group/,
  ],
  [
    'a login node in a group',
    `${HEAD}groups:\n  - { proxy: login }\n`,
    '4: groups[0].proxy: node login is the login node (line 2) already',
    /one group/,
  ],
  [
    'a node twice in a list',
    `${HEAD}groups:\n  - { proxy: cn0, slaves: "cn[1-3],cn2" }\n`,
    '4: groups[0].slaves: node cn2 stands twice',
    /once/,
  ],
  [
    'a malformed node list',
    `${HEAD}groups:\n  - { proxy: cn0, slaves: "cn[1-" }\n`,
    '4: groups[0].slaves: node list "cn[1-", character 6:',
    /cn\[0-15,20\]/,
  ],
  [
    'a group name twice',
    `${HEAD}groups:\n  - { proxy: cn0 }\n  - { name: g0, proxy: cn1 }\n`,
    '5: groups[1].name: group g0 is on line 4 already',
    /own name/,
  ],
  [
    'an address of an unknown node',
    `${MINIMAL}addresses: { cn9: 198.18.0.9 }\n`,
    '5: addresses.cn9: node cn9 is not in the cluster',
    /cn0|cn1/,
  ],
  [
    'fewer addresses than nodes',
    `${MINIMAL}addresses: { "cn[0-3]": "198.18.0.[1-3]" }\n`,
    '5: addresses.cn[0-3]: 4 nodes and 3 addresses',
    /as many/,
  ],
  [
    'two addresses of one node',
    `${MINIMAL}addresses:\n  cn0: a\n  "cn[0-1]": [b, c]\n`,
    '7: addresses.cn[0-1]: node cn0 has an address already',
    /one address/,
  ],
  [
    'an address with a port',
    `${MINIMAL}addresses: { cn0: "host:7611/x" }\n`,
    '5: addresses.cn0: "host:7611/x" is no host name',
    /port/,
  ],
  [
    'groups and topology',
    `${MINIMAL}topology: topology.conf\n`,
    '5: topology: groups are given as well',
    /one of them/,
  ],
  [
    'proxies without topology',
    `${MINIMAL}proxies: cn0\n`,
    '5: proxies: it belongs to topology',
    /each group/,
  ],
  [
    'a topology file that is not there',
    `${HEAD}topology: nowhere.conf\n`,
    '3: topology: ',
    /relative to this file/,
  ],
  ['port 0', `${MINIMAL}port: 0\n`, '5: port: 0 is out of range', /1 to 65535/],
  ['a port above 65535', `${MINIMAL}port: 65536\n`, '5: port: 65536 is out of range', /1 to 65535/],
  ['a port in words', `${MINIMAL}port: http\n`, '5: port: "http" where a whole number', /1 to 65535/],
  ['half a port', `${MINIMAL}port: 1.5\n`, '5: port: the number 1.5 where a whole number', /1 to 65535/],
  ['a width of 0', `${MINIMAL}tree: { width: 0 }\n`, '5: tree.width: 0 is out of range', /1 to 1024/],
  [
    'a width beyond reason',
    `${MINIMAL}tree: { width: 5000 }\n`,
    '5: tree.width: 5000 is out of range',
    /1 to 1024/,
  ],
  [
    'a negative threshold',
    `${MINIMAL}tree: { threshold: -1 }\n`,
    '5: tree.threshold: -1 is out of range',
    /0 to/,
  ],
  [
    'a threshold in other words',
    `${MINIMAL}tree: { threshold: always }\n`,
    '5: tree.threshold: "always" is no number',
    /0 \(always P2P\).*never/,
  ],
  [
    'a size without sense',
    `${MINIMAL}store: { size: big }\n`,
    '5: store.size: "big" cannot be read',
    /8GiB.*KiB/,
  ],
  [
    'a size in another unit',
    `${MINIMAL}store: { size: 8GB }\n`,
    '5: store.size: "8GB" cannot be read',
    /GiB/,
  ],
  [
    'a store of a few bytes',
    `${MINIMAL}store: { size: 100 }\n`,
    '5: store.size: 100 is out of range',
    /from 1MiB to 1PiB/,
  ],
  [
    'a store beyond reason',
    `${MINIMAL}store: { size: 2PiB }\n`,
    '5: store.size: 2PiB is out of range',
    /from 1MiB to 1PiB/,
  ],
  ['a list as a size', `${MINIMAL}store: { size: [8GiB] }\n`, '5: store.size: a list where a size', /8GiB/],
  [
    'a duration without a unit',
    `${MINIMAL}stallDeadline: 60\n`,
    '5: stallDeadline: "60" cannot be read',
    /60s/,
  ],
  [
    'a duration beyond reason',
    `${MINIMAL}stallDeadline: 1000h\n`,
    '5: stallDeadline: 1000h is out of range',
    /from 100ms to 24h/,
  ],
  [
    'an unknown hook',
    `${MINIMAL}hook: fues\n`,
    '5: hook: "fues" is not known',
    /^Did you mean fuse\? Allowed: fuse, preload/,
  ],
  [
    'an unknown FUSE engine',
    `${MINIMAL}fuseEngine: libfuse\n`,
    '5: fuseEngine: "libfuse" is not known',
    /tees, fuse-native/,
  ],
  [
    'an unknown layout',
    `${MINIMAL}layout: flat\n`,
    '5: layout: "flat" is not known',
    /auto, stacked, data-only/,
  ],
  [
    'an interface name that is too long',
    `${MINIMAL}network: { uplinkInterface: a-very-long-interface }\n`,
    '5: network.uplinkInterface: "a-very-long-interface" cannot be',
    /15 bytes/,
  ],
  [
    'a relative bind',
    `${MINIMAL}environment: { bind: [/home, tmp] }\n`,
    '5: environment.bind[1]: "tmp" is no absolute path',
    /absolute/,
  ],
  [
    'the root as a bind',
    `${MINIMAL}environment:\n  bind:\n    - /home\n    - /tmp/..\n`,
    '8: environment.bind[1]: the root directory',
    /absolute/,
  ],
  ['a host name', `${MINIMAL}metrics: { listen: "localhost:9611" }\n`, '5: metrics.listen: ', /127/],
  ['no allowance', `${MINIMAL}environment: { allow: [perf, root] }\n`, '5: environment.allow[1]: ', /bpf/],
  [
    'a bind twice',
    `${MINIMAL}environment: { bind: [/home, /home/] }\n`,
    '5: environment.bind[1]: /home stands twice',
    /absolute/,
  ],
  ['an empty path', `${MINIMAL}keyFile: ""\n`, '5: keyFile: the path is empty', /path/],
];

for (const [what, text, begins, hint] of REFUSED) {
  test(`refuses ${what}`, (t) => {
    const error = refusal(() => parseConfig(text, FILE));
    t.is(error.code, 'CONFIG_INVALID');
    t.is(error.message.slice(0, FILE.length + 1 + begins.length), `${FILE}:${begins}`);
    t.regex(error.hint ?? '', hint);
    t.true(error.usage);
  });
}

const MALFORMED: readonly [string, string, number][] = [
  ['an unclosed quote', `${MINIMAL}hook: "fuse\n`, 5],
  ['an unclosed list', `${MINIMAL}environment: { bind: [/home }\n`, 5],
  ['a tab as indentation', `${MINIMAL}tree:\n\twidth: 3\n`, 6],
  ['a map within a line', `${MINIMAL}hook: fuse: preload\n`, 5],
  ['a second document', `${MINIMAL}---\nport: 1\n`, 5],
];
for (const [what, text, line] of MALFORMED) {
  test(`names file and line of malformed YAML: ${what}`, (t) => {
    const error = refusal(() => parseConfig(text, FILE));
    t.is(error.code, 'CONFIG_MALFORMED');
    t.true(error.message.startsWith(`${FILE}:${line}: `), error.message);
    t.true(error.usage);
  });
}

test('a bomb of aliases is refused at once', (t) => {
  const levels = Array.from({ length: 30 }, (_, i) => `  - &a${i + 1} [*a${i}, *a${i}]`);
  const text = `${HEAD}groups:\n  - &a0 [x]\n${levels.join('\n')}\n`;
  t.is(refusal(() => parseConfig(text, FILE)).code, 'CONFIG_INVALID');
});
