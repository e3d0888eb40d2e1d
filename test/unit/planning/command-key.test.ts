import test from 'ava';
import type { ExecutionContext } from 'ava';
import { fromText } from '../../../src/base/bytes.js';
import { commandKey, environmentKey } from '../../../src/planning/command-key.js';
import { EnvironmentView } from '../../../src/planning/environment-view.js';
import { LayerIndex } from '../../../src/planning/layer-index.js';
import { manifestOf } from './layer.js';
import { Layer } from './split-fixture.js';

function keys(t: ExecutionContext): (...argv: string[]) => string {
  const layer = new Layer(t)
    .program('usr/bin/python3.11')
    .program('usr/bin/solver')
    .program('usr/bin/mpirun')
    .program('usr/bin/env')
    .program('opt/script', '#!/usr/bin/python3.11\n')
    .file('opt/a.py')
    .file('opt/b.py');
  const view = new EnvironmentView(
    new LayerIndex(manifestOf(layer.upper)),
    fromText(layer.upper),
    fromText(layer.root),
  );
  const context = { env: { PATH: fromText('/usr/bin') }, cwd: fromText('/opt') };
  return (...argv) => commandKey(view, argv.map(fromText), context);
}

test('the arguments of a program do not matter: they are its input', (t) => {
  const key = keys(t);
  t.is(key('solver', '-n', '1', 'input1'), key('/usr/bin/solver', 'input2'));
  t.is(key('/opt/script', '1'), key('./script', '2'));
  t.not(key('solver'), key('/opt/script'));
});

test('what an interpreter interprets matters, by whatever name; what the script is given does not', (t) => {
  const key = keys(t);
  t.is(key('python3.11', 'a.py', '1'), key('python3.11', '-u', '/opt/../opt/a.py', '2'));
  t.not(key('python3.11', 'a.py'), key('python3.11', 'b.py'));
  t.not(key('python3.11', '-c', 'import a'), key('python3.11', '-c', 'import b'));
  t.not(key('python3.11', '-m', 'a'), key('python3.11', '-m', 'b'));
  t.is(key('python3.11').length, 32);
});

test('what a launcher starts matters', (t) => {
  const key = keys(t);
  t.is(key('mpirun', '-n', '4', 'solver', 'x'), key('mpirun', '-n', '8', 'solver', 'y'));
  t.not(key('mpirun', '-n', '4', 'solver'), key('mpirun', '-n', '4', 'python3.11', 'a.py'));
  t.not(key('env', 'A=1', 'python3.11', 'a.py'), key('env', 'A=1', 'python3.11', 'b.py'));
  t.is(key('env', 'A=1', 'solver'), key('env', 'A=2', 'solver'));
});

test('a command that is not there has no key', (t) => {
  t.throws(() => keys(t)('nosuch'), { code: 'COMMAND_NOT_FOUND' });
});

test('environments are told apart by their directories', (t) => {
  t.regex(environmentKey(fromText('/home/u/upper')), /^[0-9a-f]{32}$/);
  t.not(environmentKey(fromText('/home/u/upper')), environmentKey(fromText('/home/v/upper')));
});
