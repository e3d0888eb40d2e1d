import test from 'ava';
import { calibrationText, networkValues } from '../../../src/cli/calibrate-text.js';
import { parseConfig } from '../../../src/config/parse.js';
import type { CalibrationFacts, ParameterFact } from '../../../src/wire/calibrate-question.js';

const parameter = (key: string, configured: number, more: Partial<ParameterFact>): ParameterFact => ({
  key,
  configured,
  isLeast: false,
  samples: [],
  ...more,
});

const FACTS: CalibrationFacts = {
  parameters: [
    parameter('latency', 50e-6, {
      measured: 91.6e-6,
      samples: [
        { place: 'login → cn0', value: 71e-6 },
        { place: 'cn0 → cn1', value: 0.001234 },
      ],
    }),
    parameter('hopCost', 0.001, {}),
    parameter('loginBandwidth', 1.25e9, { measured: 95.71e6, isLeast: true }),
    parameter('uplinkBandwidth', 25e6, {
      measured: 12.361e6,
      samples: [
        { place: 'g0', value: 12e6 },
        { place: 'g1', value: 13e6 },
      ],
    }),
    parameter('groupBandwidth', 1.25e9, {
      measured: 500e6,
      samples: [{ place: 'g0', value: 500e6 }],
    }),
  ],
  slow: [
    { what: 'uplink', place: 'g7', value: 10e6, median: 25e6 },
    { what: 'round trip', place: 'login → cn9', value: 0.01, median: 0.0002 },
  ],
  remarks: ['login → cn3 does not answer (refused): see tees probe'],
  groups: { measured: 8, of: 2195 },
  took: 12.3,
  file: '/etc/tees/tees.yaml',
};

test('old and new stand side by side, with the spread, and what each means', (t) => {
  const text = calibrationText(FACTS);
  t.regex(text, /^8 of 2195 groups measured in 12\.3 s\n/);
  t.regex(text, /^latency +50us +92us {2}71us to 1\.2ms, 2 hops\n {2}from sending a small message/m);
  t.regex(text, /^hopCost +1ms +as before {2}not measured$/m);
  t.regex(text, /^loginBandwidth +10gbit +766mbit {2}or more: others were narrower$/m);
  t.regex(text, /^uplinkBandwidth +200mbit +98\.9mbit {2}96mbit to 104mbit, 2 groups$/m);
  t.regex(text, /^groupBandwidth +10gbit +4gbit {2}g0$/m);
});

test('what is far from the median is named, with its share', (t) => {
  const text = calibrationText(FACTS).replace(/\s+/g, ' ');
  t.true(text.includes('SLOW the uplink of g7: 80mbit, 40 % of the median, 200mbit'));
  t.true(text.includes('SLOW the round trip of login → cn9: 10ms, 50.0 times the median, 200us'));
  t.true(text.includes('note login → cn3 does not answer (refused)'));
});

test('no line is wider than 80 columns', (t) => {
  const remarks = [`${'x'.repeat(200)} was not measured`, 'word '.repeat(60)];
  for (const line of calibrationText({ ...FACTS, remarks }).split('\n')) t.true([...line].length <= 80, line);
});

test('what was measured is written as the configuration reads it', (t) => {
  const values = networkValues(FACTS);
  t.deepEqual(values, {
    latency: '92us',
    loginBandwidth: '766mbit',
    uplinkBandwidth: '98.9mbit',
    groupBandwidth: '4gbit',
  });
  const extremes = [
    parameter('latency', 0, { measured: 0 }),
    parameter('hopCost', 0, { measured: 99 }),
    parameter('loginBandwidth', 1, { measured: 1 }),
    parameter('groupBandwidth', 1, { measured: 1e15 }),
    parameter('uplinkBandwidth', 1, { measured: 124.999e6 }),
  ];
  for (const found of [values, networkValues({ ...FACTS, parameters: extremes })]) {
    const lines = Object.entries(found).map(([key, value]) => `  ${key}: ${value}`);
    const text = `cluster: c\nlogin: { name: l }\ngroups: [{ proxy: a }]\nnetwork:\n${lines.join('\n')}\n`;
    t.notThrows(() => parseConfig(text, '/tees.yaml'));
  }
});
