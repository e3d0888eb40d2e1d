import test from 'ava';
import { jobsText } from '../../../src/cli/jobs-text.js';
import type { JobStatus } from '../../../src/wire/jobs.js';

const JOB: JobStatus = {
  job: 'm1-1',
  uid: 1000,
  command: ['/usr/bin/python3', '-c', 'import numpy\nimport scipy'],
  nodes: 'cn[0-15]',
  phase: 'streaming',
  age: 12.3,
  stream: {
    nodes: 16,
    launched: 12,
    exited: 0,
    bytes: 500e6,
    bytesTotal: 1e9,
    urgentBytes: 7e6,
    urgentTotal: 7e6,
    bytesPerSecond: 50e6,
    remaining: 10,
    stall: { policy: 'wait', deadline: 60, quiet: 0.2, stalled: false },
    away: ['cn3'],
    lost: [],
    waiting: 30,
    waits: [
      { node: 'cn3', path: `/opt/${'very/'.repeat(30)}long.so`, seconds: 4.2, expected: 1.5 },
      { node: 'cn4', path: '/opt/x', seconds: 0.5 },
    ],
  },
};

test('every line fits into 80 columns, and says what waits, since when, and for how long still', (t) => {
  const lines = jobsText([JOB]).split('\n');
  t.true(
    lines.every((line) => [...line].length <= 80),
    lines.join('\n'),
  );
  const text = lines.join('\n');
  t.regex(text, /50 %; 50\.0 MB\/s, 10\.0 s to go/);
  t.regex(text, /cn3 +4\.20 s +1\.50 s {2}\/opt\/.*…/);
  t.regex(text, /cn4 +0\.50 s +unknown {2}\/opt\/x/);
  t.regex(text, /and 28 more/);
  t.regex(text, /away +cn3/);
});

test('of thousands of nodes no more is said than people can read', (t) => {
  const names = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => `cn${from + i}`);
  const waits = names(0, 100).map((node, i) => ({
    node,
    path: `/opt/lib${i % 2}.so`,
    seconds: i / 10,
    expected: 2,
  }));
  const many = { nodes: 8192, launched: 8000, away: names(512, 1024), lost: ['cn7', ...names(64, 96)] };
  const stream = { ...JOB.stream!, ...many, waiting: 4321, waits };
  const text = jobsText([{ ...JOB, nodes: 'cn[0-8191]', stream }]);
  t.true(text.split('\n').length < 15, text);
  t.regex(text, /away +512: cn\[512-1023\]\n/);
  t.regex(text, /lost +33: cn\[7,64-95\]\n/);
  t.regex(text, /50 nodes +9\.90 s +2\.00 s {2}\/opt\/lib1\.so\n/);
  t.regex(text, /and 4221 more/);
});

test('a job of the resource manager’s is told with its name there', (t) => {
  const resident = { manager: 'slurm', job: '4711', environment: 'default' };
  const text = jobsText([{ ...JOB, resident }]);
  t.regex(text, /of +job 4711 of slurm; environment default\n/);
  t.regex(text, /first task +\/usr\/bin\/python3/);
});

test('a stall is told with its policy, and that nothing flows', (t) => {
  const stall = { policy: 'wait', deadline: 60, quiet: 75, stalled: true };
  const stream = structuredClone({ ...JOB.stream!, stall, bytesPerSecond: 0 });
  Reflect.deleteProperty(stream, 'remaining');
  const text = jobsText([{ ...JOB, stream }]);
  t.regex(text, /stalled +nothing has moved for 75\.0 s, policy wait/);
  t.regex(text, /nothing flows/);
});

test('no job, and a job that is being planned', (t) => {
  t.is(jobsText([]), 'no job runs\n');
  const { job, uid, command, nodes, age } = JOB;
  t.regex(jobsText([{ job, uid, command, nodes, age, phase: 'planning' }]), /phase +planning/);
});
