/** As refused.test.ts, of what describes the tree and the network. */
import test from 'ava';
import { parseConfig } from '../../../src/config/parse.js';
import { MINIMAL, refusal } from './documents.js';

const FILE = 'tees.yaml';

/** What is wrong, the text, how the message begins after the file, and what the hint says. */
const REFUSED: readonly [string, string, string, RegExp][] = [
  [
    'an unknown shape',
    `${MINIMAL}tree: { shape: round }\n`,
    '5: tree.shape: "round" is not known',
    /Allowed: auto, paper/,
  ],
  [
    'a root without children',
    `${MINIMAL}tree: { rootWidth: 0 }\n`,
    '5: tree.rootWidth: 0 is out of range',
    /1 to 1024/,
  ],
  [
    'a rate without a unit',
    `${MINIMAL}network: { uplinkBandwidth: 400 }\n`,
    '5: network.uplinkBandwidth: "400" cannot be read',
    /400mbit/,
  ],
  [
    'a link that carries nothing',
    `${MINIMAL}network:\n  loginBandwidth: 0mbit\n`,
    '6: network.loginBandwidth: 0mbit is out of range',
    /from 8kbit to 8000gbit/,
  ],
  [
    'a latency of a minute',
    `${MINIMAL}network:\n  latency: 60s\n`,
    '6: network.latency: 60s is out of range',
    /from 0ns to 1s/,
  ],
  [
    'a hop cost without a unit',
    `${MINIMAL}network: { hopCost: 1 }\n`,
    '5: network.hopCost: "1" cannot be read',
    /ns, us, ms, s/,
  ],
];

for (const [what, text, begins, hint] of REFUSED) {
  test(`refuses ${what}`, (t) => {
    const error = refusal(() => parseConfig(text, FILE));
    t.is(error.code, 'CONFIG_INVALID');
    t.true(error.message.startsWith(`${FILE}:${begins}`), error.message);
    t.regex(error.hint ?? '', hint);
  });
}
