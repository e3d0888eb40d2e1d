import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Progress } from '../../../src/cli/progress.js';
import type { ProgressState } from '../../../src/cli/progress.js';

const START: ProgressState = {
  urgentBytes: 0,
  urgentTotal: 1000,
  hystereticBytes: 0,
  hystereticTotal: 10_000,
  launched: 0,
  exited: 0,
  nodes: 4,
};

/** Collects what is written, and shows it as a terminal would. */
class Screen extends Writable {
  written = '';
  columns = 80;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }

  /** Only the sequences that Progress uses: up, carriage return, clear to the end of screen or line. */
  rows(): string[] {
    const rows = [''];
    let row = 0;
    let column = 0;
    for (const [token] of this.written.matchAll(/\x1b\[\d*[A-Za-z]|\n|\r|[^\x1b\n\r]+/g)) {
      if (token === '\n') {
        row += 1;
        column = 0;
        rows[row] ??= '';
      } else if (token === '\r') column = 0;
      else if (token.endsWith('A') && token.startsWith('\x1b')) row -= parseInt(token.slice(2));
      else if (token === '\x1b[J') rows.splice(row, Infinity, (rows[row] ?? '').slice(0, column));
      else if (token === '\x1b[K') rows[row] = (rows[row] ?? '').slice(0, column);
      else {
        rows[row] =
          (rows[row] ?? '').slice(0, column).padEnd(column) +
          token +
          (rows[row] ?? '').slice(column + token.length);
        column += token.length;
      }
    }
    return rows;
  }
}

const BARS = { terminal: true, color: false } as const;

function createPlain(): { screen: Screen; progress: Progress; at: (ms: number) => void } {
  const screen = new Screen();
  let now = 0;
  const progress = new Progress(screen, { terminal: false, clock: { nowMs: () => now } });
  return { screen, progress, at: (ms) => (now = ms) };
}

test('on a terminal there is one row each for the two parts and for nodes launched and done', (t) => {
  const screen = new Screen();
  const progress = new Progress(screen, BARS);
  progress.update({ ...START, urgentBytes: 1000, hystereticBytes: 2500, launched: 3 });
  progress.finish();
  const rows = screen.rows();
  t.is(rows.length, 5);
  t.regex(rows[0]!, /^urgent part +█+ +1\.00 kB of 1\.00 kB 100 %$/);
  t.regex(rows[1]!, /^hysteretic part █+▎?·+ +2\.50 kB of 10\.0 kB {2}25 %$/);
  t.regex(rows[2]!, /^nodes launched +█+.?·+ +3 of 4$/);
  t.regex(rows[3]!, /^nodes done +·+ +0 of 4$/);
});

test('a redraw takes the place of the bars before it', async (t) => {
  const screen = new Screen();
  const progress = new Progress(screen, BARS);
  for (let launched = 0; launched <= 4; launched++) {
    progress.update({ ...START, launched });
    await sleep(30);
  }
  progress.finish();
  t.is(screen.rows().length, 5);
  t.regex(screen.rows()[2]!, /4 of 4$/);
});

test('a line of output stands above the bars and tears nothing', (t) => {
  const screen = new Screen();
  const progress = new Progress(screen, BARS);
  progress.update(START);
  progress.line('cn0: solved');
  progress.line('cn1: solved');
  progress.finish();
  const rows = screen.rows();
  t.deepEqual(rows.slice(0, 2), ['cn0: solved', 'cn1: solved']);
  t.deepEqual(
    rows.slice(2).map((row) => row.slice(0, 14).trim()),
    ['urgent part', 'hysteretic par', 'nodes launched', 'nodes done', ''],
  );
});

test('output for another stream goes there, without escapes', (t) => {
  const [screen, output] = [new Screen(), new Screen()];
  const progress = new Progress(screen, BARS);
  progress.update(START);
  progress.line('cn0: solved', output);
  progress.finish();
  t.is(output.written, 'cn0: solved\n');
  t.false(screen.written.includes('solved'));
});

test('after the end nothing more is drawn and lines are lines', (t) => {
  const screen = new Screen();
  const progress = new Progress(screen, BARS);
  progress.update(START);
  progress.finish();
  const before = screen.written;
  progress.update({ ...START, launched: 4 });
  progress.finish();
  progress.line('late');
  t.is(screen.written, `${before}late\n`);
});

test('bars fit the terminal, however narrow', (t) => {
  for (const columns of [20, 50, 80, 300]) {
    const screen = new Screen();
    screen.columns = columns;
    const progress = new Progress(screen, BARS);
    progress.update(START);
    progress.finish();
    for (const row of screen.rows()) t.true(row.length < columns, `${columns}: ${row}`);
  }
});

test('elsewhere a line is said at each tenth of the way, and no escape', (t) => {
  const { screen, progress, at } = createPlain();
  for (let step = 0; step <= 100; step++) {
    at(step * 2000);
    progress.update({ ...START, urgentBytes: 1000, hystereticBytes: step * 100 });
  }
  progress.finish();
  const lines = screen.written.trimEnd().split('\n');
  t.is(lines.length, 11);
  t.is(
    lines[5],
    'urgent part 100 % of 1.00 kB, hysteretic part 50 % of 10.0 kB, 0 of 4 nodes launched, 0 done',
  );
  t.false(screen.written.includes('\x1b'));
});

test('lines come at most once a second, and the last state is told', (t) => {
  const { screen, progress, at } = createPlain();
  for (let step = 0; step <= 10; step++) {
    at(step * 10);
    progress.update({ ...START, hystereticBytes: step * 1000 });
  }
  t.is(screen.written.split('\n').length - 1, 1);
  progress.finish();
  t.is(screen.written.split('\n').length - 1, 2);
  t.regex(screen.written, /hysteretic part 100 % .*\n$/);
});

test('the bar of an empty part is full', (t) => {
  const screen = new Screen();
  const progress = new Progress(screen, BARS);
  progress.update({ ...START, urgentTotal: 0 });
  t.regex(screen.rows()[0]!, /^urgent part +█+ +0 B of 0 B 100 %$/);
  progress.finish();
});

test('an empty part is complete', (t) => {
  const { screen, progress } = createPlain();
  progress.update({ ...START, hystereticTotal: 0 });
  t.regex(screen.written, /hysteretic part 100 % of 0 B/);
});

test('before anything can be counted a sentence stands where the bars will be', (t) => {
  const screen = new Screen();
  const progress = new Progress(screen, BARS);
  progress.phase('scanning the layer');
  progress.line('a warning');
  t.deepEqual(screen.rows(), ['a warning', 'scanning the layer', '']);
  progress.update(START);
  progress.phase('too late');
  progress.finish();
  t.deepEqual(
    screen.rows().map((row) => row.slice(0, 11)),
    ['a warning', 'urgent part', 'hysteretic ', 'nodes launc', 'nodes done ', ''],
  );
});

test('a sentence that nothing follows is gone at the end', (t) => {
  const screen = new Screen();
  const progress = new Progress(screen, BARS);
  progress.phase('scanning the layer');
  progress.finish();
  t.deepEqual(screen.rows(), ['']);
});
