/** The section `environments`: what holds where nothing is said, and what is refused. */
import test from 'ava';
import { totalmem } from 'node:os';
import { DEFAULTS } from '../../../src/config/config.js';
import { parseConfig } from '../../../src/config/parse.js';
import { MINIMAL, refusal } from './documents.js';

const of = (text: string): unknown =>
  parseConfig(`${MINIMAL}environments: ${text}\n`, 'tees.yaml').environments;

test('there are none unless a directory is given', (t) => {
  t.is(parseConfig(MINIMAL, 'tees.yaml').environments, undefined);
  t.deepEqual(of('{ directory: /srv/env/ }'), {
    directory: '/srv/env',
    bind: ['~', '/tmp', '?/run/systemd/resolve', '?/run/munge', '?/run/nscd'],
    devices: DEFAULTS.environmentDevices,
    ids: { first: 0x6000_0000, count: 0x1000_0000 },
    memoryBytes: Math.floor(totalmem() / 2),
    processes: 4096,
  });
});

test('everything can be said', (t) => {
  const text =
    '{ directory: /e, bind: ["~", "?/scratch"], devices: ["/dev/ttyUSB[0-9]", /dev/fuse], ids: { first: 200000, count: 65536 }, memory: 1GiB, processes: 100, disk: 20GiB }';
  t.deepEqual(of(text), {
    directory: '/e',
    bind: ['~', '?/scratch'],
    devices: ['/dev/ttyUSB[0-9]', '/dev/fuse'],
    ids: { first: 200_000, count: 65_536 },
    memoryBytes: 2 ** 30,
    processes: 100,
    diskBytes: 20 * 2 ** 30,
  });
  t.deepEqual(of('{ directory: /e, memory: none, processes: none, disk: none, bind: [], devices: [] }'), {
    directory: '/e',
    bind: [],
    devices: [],
    ids: { first: 0x6000_0000, count: 0x1000_0000 },
  });
});

const REFUSED: readonly [string, string, RegExp][] = [
  ['no directory', '{}', /environments: the key directory is missing/],
  ['a relative one', '{ directory: env }', /"env" is no absolute path/],
  ['a relative bind', '{ directory: /e, bind: [scratch] }', /bind\[0\]: "scratch" is no path to show/],
  [
    'a device elsewhere',
    '{ directory: /e, devices: [/tmp/null] }',
    /devices\[0\]: "\/tmp\/null" is no device/,
  ],
  [
    'a device below a directory',
    '{ directory: /e, devices: [/dev/dri/card0] }',
    /"\/dev\/dri\/card0" is no device/,
  ],
  ['all of /dev', '{ directory: /e, devices: [/dev/] }', /"\/dev\/" is no device/],
  ['a way out of /dev', '{ directory: /e, devices: [/dev/..] }', /"\/dev\/\.\." is no device/],
  [
    'very many devices',
    `{ directory: /e, devices: [${Array.from({ length: 65 }, (_, i) => `/dev/d${i}`).join()}] }`,
    /devices: there are 65 of them/,
  ],
  ['the root', '{ directory: /e, bind: [/] }', /"\/" is no path to show/],
  [
    'ids of real users',
    '{ directory: /e, ids: { first: 1000, count: 65536 } }',
    /ids\.first: 1000 is out of range/,
  ],
  ['too few ids', '{ directory: /e, ids: { first: 200000, count: 10 } }', /ids\.count: 10 is out of range/],
  ['little memory', '{ directory: /e, memory: 1MiB }', /memory: 1MiB is out of range/],
  ['few processes', '{ directory: /e, processes: 3 }', /processes: 3 is out of range/],
];
for (const [title, text, message] of REFUSED)
  test(`refused: ${title}`, (t) => {
    t.regex(refusal(() => of(text)).message, message);
  });
