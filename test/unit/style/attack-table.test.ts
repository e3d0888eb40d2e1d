/** docs/security.md lists every attack that is tried, and no other. */
import test from 'ava';
import { ATTACKS, NODE_ATTACKS } from '../../attack/attacks.js';
import { read } from './sources.js';

test('the table of attacks is what is tried', (t) => {
  const rows = [...read('docs/security.md').matchAll(/^\| (.+?) \| (.+?) \| .+ \| denied \|$/gm)];
  const tried = [
    ...ATTACKS.map(({ name, from }) => `${name}: ${from}`),
    ...NODE_ATTACKS.map(({ name }) => `${name}: compute node`),
  ];
  t.deepEqual(
    rows.map(([, name, from]) => `${name}: ${from}`),
    tried,
  );
});
