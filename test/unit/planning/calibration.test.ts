import test from 'ava';
import fc from 'fast-check';
import { CHUNK_SIZE_BYTES } from '../../../src/base/limits.js';
import { conclude, isBoundByLogin, median, rateOf, relayTime } from '../../../src/planning/calibration.js';
import type { Calibration, Measured, ParameterKey, Sample } from '../../../src/planning/calibration.js';

const UNIT = CHUNK_SIZE_BYTES;
const near = (a: number | undefined, b: number, part = 1e-6): boolean => Math.abs((a ?? NaN) - b) <= part * b;

/** Confirmations of a steady stream of so many bytes a second, after the first of them. */
const steady = (rate: number, count: number, firstUs = 1000): number[] =>
  Array.from({ length: count }, (_, n) => firstUs + (n * UNIT * 1e6) / rate);

test('the rate of a steady stream is found, whatever its first confirmation took', (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e5, max: 5e9, noNaN: true }),
      fc.integer({ min: 10, max: 500 }),
      (rate, count) => near(rateOf(steady(rate, count, (UNIT * 1e6) / rate), UNIT), rate, 1e-3),
    ),
  );
  t.true(near(rateOf(steady(25e6, 100, 300_000), UNIT), 25e6));
});

test('what comes at once at the beginning is not the rate', (t) => {
  const burst = Array.from({ length: 8 }, () => 100);
  t.true(near(rateOf([...burst, ...steady(10e6, 50, 26_000)], UNIT), 10e6));
});

test('what comes after the end, when others are silent, is left out, as long as there is enough', (t) => {
  const shared = steady(10e6, 40);
  const alone = steady(40e6, 20, (shared.at(-1) as number) + 6_500);
  t.true(near(rateOf([...shared, ...alone], UNIT, shared.at(-1)), 10e6));
  t.true((rateOf([...shared, ...alone], UNIT) as number) > 11e6);
  t.true(near(rateOf(steady(1e6, 12), UNIT, 1_000_000), 1e6), 'of so few all count');
});

test('of very few confirmations the whole time counts; of none there is no rate', (t) => {
  t.is(rateOf([1e6], UNIT), UNIT);
  t.is(rateOf([500_000, 2e6], UNIT), UNIT);
  t.is(rateOf([], UNIT), undefined);
});

test('the time of a relay is the median between both confirmations, but for the first', (t) => {
  t.is(relayTime([0, 10_000, 20_000, 30_000], [9_000, 11_000, 22_000, 33_000]), 0.002);
  t.is(relayTime([0], [5_000]), 0.005);
  t.is(relayTime([], []), undefined);
});

test('the median', (t) => {
  t.is(median([3, 1, 2]), 2);
  t.is(median([4, 1, 2, 3]), 2.5);
  t.is(median([]), undefined);
});

const at = (...values: number[]): Sample[] => values.map((value, i) => ({ place: `g${i}`, value }));

const MEASURED: Measured = {
  roundTrips: at(0.0002, 0.0004, 0.0006),
  uplinks: at(25e6, 24e6, 26e6),
  together: 50e6,
  between: [],
  groups: at(500e6, 400e6, 600e6),
  relays: [{ place: 'g0', seconds: 0.002, roundTrip: 0.0004 }],
};
const valueOf = ({ parameters }: Calibration, key: ParameterKey): number | undefined =>
  parameters.find((each) => each.key === key)?.value;
const isLeast = (measured: Measured): boolean | undefined =>
  conclude(measured).parameters.find(({ key }) => key === 'loginBandwidth')?.isLeast;

test('each parameter is the median of its samples; latency is half of a round trip', (t) => {
  const calibration = conclude(MEASURED);
  t.is(valueOf(calibration, 'latency'), 0.0002);
  t.is(valueOf(calibration, 'uplinkBandwidth'), 25e6);
  t.is(valueOf(calibration, 'groupBandwidth'), 500e6);
  t.is(valueOf(calibration, 'loginBandwidth'), 50e6);
  t.deepEqual(calibration.slow, []);
});

test('the hop cost is what is left without the way and the bytes, and never less than nothing', (t) => {
  t.true(near(valueOf(conclude(MEASURED), 'hopCost'), 0.002 - 0.0004 - UNIT / 500e6, 1e-9));
  const quick = [{ place: 'g1', seconds: 0.0001, roundTrip: 0.0004 }];
  t.is(valueOf(conclude({ ...MEASURED, relays: quick }), 'hopCost'), 0);
  t.is(valueOf(conclude({ ...MEASURED, groups: [] }), 'hopCost'), undefined);
});

test('what was not measured has no value', (t) => {
  const none = { roundTrips: [], uplinks: [], between: [], groups: [], relays: [] };
  for (const { value } of conclude(none).parameters) t.is(value, undefined);
});

test('the login link is a lower bound where the uplinks were what bounded', (t) => {
  t.false(isLeast(MEASURED));
  t.true(isLeast({ ...MEASURED, together: 74e6 }));
  const { roundTrips, uplinks, between, groups, relays } = MEASURED;
  const alone = { roundTrips, uplinks, between, groups, relays };
  t.true(isLeast(alone));
  t.is(valueOf(conclude(alone), 'loginBandwidth'), 25e6);
});

test('where the login link bounds each stream, uplinks are told from streams past the login node', (t) => {
  const bound = { ...MEASURED, together: 27e6, between: at(80e6, 90e6, 85e6) };
  t.true(isBoundByLogin(bound));
  t.is(valueOf(conclude(bound), 'uplinkBandwidth'), 85e6);
  t.false(isBoundByLogin(MEASURED));
  t.false(isBoundByLogin({ uplinks: at(25e6) }));
});

test('an uplink, a group and a hop far from the median are named', (t) => {
  const { slow } = conclude({
    ...MEASURED,
    uplinks: at(25e6, 25e6, 10e6, 26e6),
    groups: at(500e6, 500e6, 100e6),
    roundTrips: at(0.0002, 0.0002, 0.005, 0.0003),
  });
  t.deepEqual(
    slow.map(({ what, place, median: middle }) => [what, place, middle]),
    [
      ['uplink', 'g2', 25e6],
      ['group', 'g2', 500e6],
      ['round trip', 'g2', 0.00025],
    ],
  );
  t.deepEqual(conclude({ ...MEASURED, uplinks: at(25e6, 10e6) }).slow, [], 'of two, nobody knows which');
});
