import test from 'ava';
import { OutputProgress } from '../../../src/login/output-progress.js';

const place = (at: number, stream: 'stdout' | 'stderr' = 'stdout') => ({ node: 'cn0', stream, at });

test('what comes twice is passed over, what comes partly again is cut', (t) => {
  const progress = new OutputProgress();
  t.is(progress.fresh(place(0), Buffer.from('abcd'))?.toString(), 'abcd');
  t.is(progress.fresh(place(0), Buffer.from('abcd')), undefined);
  t.is(progress.fresh(place(2), Buffer.from('cdef'))?.toString(), 'ef');
});

test('streams and nodes count apart', (t) => {
  const progress = new OutputProgress();
  progress.fresh(place(0), Buffer.from('abcd'));
  t.is(progress.fresh(place(0, 'stderr'), Buffer.from('x'))?.toString(), 'x');
  t.is(progress.fresh({ ...place(0), node: 'cn1' }, Buffer.from('y'))?.toString(), 'y');
});

test('what was lost on the way leaves a gap, and does not stop what follows', (t) => {
  const progress = new OutputProgress();
  progress.fresh(place(0), Buffer.from('ab'));
  t.is(progress.fresh(place(5), Buffer.from('fg'))?.toString(), 'fg');
});
