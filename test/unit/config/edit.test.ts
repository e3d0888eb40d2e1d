import test from 'ava';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { TeesError } from '../../../src/base/errors.js';
import { checkOnlyMeasuredDiffers } from '../../../src/config/compare.js';
import { setInSection } from '../../../src/config/edit.js';
import { parseConfig } from '../../../src/config/parse.js';

const EXAMPLE = readFileSync(new URL('../../../../tees.example.yaml', import.meta.url), 'utf8');
const VALUES = { latency: '90us', uplinkBandwidth: '191mbit' };
const set = (text: string, values: Record<string, string> = VALUES): string =>
  setInSection(text, 'network', values);

/** Lines that only the one has. */
function changed(before: string, after: string): { removed: string[]; added: string[] } {
  const [a, b] = [before.split('\n'), after.split('\n')];
  return { removed: a.filter((line) => !b.includes(line)), added: b.filter((line) => !a.includes(line)) };
}

test('values that are there are replaced, and nothing else', (t) => {
  const text = [
    '# first',
    'network:   # the network',
    '  # slow?',
    '  latency:  "50us"   # guessed',
    "  uplinkBandwidth: '1gbit'",
    'hook: fuse',
    '',
  ].join('\n');
  t.deepEqual(changed(text, set(text)), {
    removed: ['  latency:  "50us"   # guessed', "  uplinkBandwidth: '1gbit'"],
    added: ['  latency:  90us   # guessed', '  uplinkBandwidth: 191mbit'],
  });
});

test('values that are missing come behind the last one, with its comment and at its depth', (t) => {
  const text = 'network:\n    uplinkInterface: up0 # here\n    # latency: 50us\n\n# the end\nhook: fuse\n';
  t.is(
    set(text),
    'network:\n    uplinkInterface: up0 # here\n    latency: 90us\n    uplinkBandwidth: 191mbit\n' +
      '    # latency: 50us\n\n# the end\nhook: fuse\n',
  );
});

for (const [what, text, edited] of [
  [
    'a map on one line',
    'network: { uplinkInterface: up0 } # x\n',
    'network: { uplinkInterface: up0, latency: 90us, uplinkBandwidth: 191mbit } # x\n',
  ],
  [
    'a map on one line, with one of them',
    'network: {latency: 1ms}\n',
    'network: {latency: 90us, uplinkBandwidth: 191mbit}\n',
  ],
  ['an empty map', 'network: {}\n', 'network: { latency: 90us, uplinkBandwidth: 191mbit }\n'],
  [
    'nothing',
    'network: # later\nhook: fuse\n',
    'network: # later\n  latency: 90us\n  uplinkBandwidth: 191mbit\nhook: fuse\n',
  ],
  [
    'no newline at the end',
    'network:\n  latency: 1ms',
    'network:\n  latency: 90us\n  uplinkBandwidth: 191mbit',
  ],
  [
    'no section',
    'hook: fuse\n# end',
    'hook: fuse\n# end\n\nnetwork:\n  latency: 90us\n  uplinkBandwidth: 191mbit\n',
  ],
  [
    'lines as on Windows',
    'network:\r\n  latency: 1ms\r\nhook: fuse\r\n',
    'network:\r\n  latency: 90us\r\n  uplinkBandwidth: 191mbit\r\nhook: fuse\r\n',
  ],
] as const)
  test(`${what}: the values are written there`, (t) => {
    t.is(set(text), edited);
    t.like(parse(edited), { network: VALUES });
  });

for (const [what, text] of [
  ['a root on one line', '{ network: { latency: 1ms } }'],
  ['a section that stands elsewhere', 'x: &n { latency: 1ms }\nnetwork: *n\n'],
  ['a value that is none', 'network: { latency: [1] }\n'],
  ['a text', 'network: fast\n'],
] as const)
  test(`${what} is left to a person`, (t) => {
    t.is(t.throws<TeesError>(() => set(text))?.code, 'CONFIG_NOT_EDITABLE');
  });

test('the example: only the values are new, and they are read; done twice it is the same', (t) => {
  const all = { ...VALUES, hopCost: '410us', loginBandwidth: '2gbit', groupBandwidth: '930mbit' };
  const edited = set(EXAMPLE, all);
  t.deepEqual(changed(EXAMPLE, edited).removed, []);
  t.is(edited.split('\n').length, EXAMPLE.split('\n').length + 5);
  t.is(set(edited, all), edited);
  t.notThrows(() => checkOnlyMeasuredDiffers(EXAMPLE, edited, '/x/tees.yaml'));
  t.like(parseConfig(edited, '/x/tees.yaml').network, {
    uplinkInterface: 'up0',
    latencySeconds: 90e-6,
    hopCostSeconds: 410e-6,
    uplinkBytesPerSecond: 191e6 / 8,
  });
});

test('an edit that changes more is refused', (t) => {
  const other = EXAMPLE.replace('cluster: demo', 'cluster: other');
  const compare = (): void => checkOnlyMeasuredDiffers(EXAMPLE, other, '/x/tees.yaml');
  t.is(t.throws<TeesError>(compare)?.code, 'CONFIG_NOT_EDITABLE');
});
