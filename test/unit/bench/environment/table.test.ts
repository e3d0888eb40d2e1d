import test from 'ava';
import { parseMeminfo } from '../../../../bench/environment/memory.js';
import { ratio, table, verdicts } from '../../../../bench/environment/table.js';
import { SIZES } from '../../../../bench/environment/ways.js';

const life = (start: number) => ({ start, join: 1e6 });

test('a ratio is the median of the rounds’ own, of those that have both', (t) => {
  const rounds = [
    { tees: life(2e6), bwrap: life(1e6) },
    { tees: life(90e6), bwrap: life(30e6) },
    { tees: life(4e6), bwrap: life(1e6) },
    { tees: life(1e6) },
  ];
  t.is(ratio(rounds, 'start', 'tees', 'bwrap'), 3);
});

test('the aim is met, missed, or not measured', (t) => {
  t.regex(verdicts([{ tees: life(3e6), bwrap: life(2e6) }])[0]!, /^Met: .* 1\.50 .*aim: 1\.5/);
  t.regex(verdicts([{ tees: life(4e6), bwrap: life(2e6) }])[0]!, /^Missed: .* 2\.00 .*not 1\.5/);
  t.regex(verdicts([{ tees: life(4e6) }])[0]!, /^Not measured/);
});

test('who cannot run here is in the table with the reason, within 80 columns', (t) => {
  const text = table(
    {
      lives: [{ tees: { ...life(3e6), stop: 2e6 } }],
      works: [],
      memory: [{ tees: { processes: 500, kernel: 1, available: 2 } }],
      failures: { podman: 'newuidmap: not permitted' },
      versions: {},
    },
    SIZES.quick,
  );
  t.regex(text, /Not measured: podman: newuidmap: not permitted/);
  t.regex(text, /^start .* 3\.00 /m);
  t.true(text.split('\n').every((line) => line.length <= 80));
});

test('meminfo is read by name, in KiB', (t) => {
  t.deepEqual(parseMeminfo('MemFree:   12 kB\nHugePages_Total: 0\nSlab: 7 kB\n'), { MemFree: 12, Slab: 7 });
});
