import test from 'ava';
import { makeCluster } from '../../../src/topology/cluster.js';

test('a cluster knows every node’s role, group and address', (t) => {
  const cluster = makeCluster({
    name: 'demo',
    login: 'login',
    groups: [{ name: 'g0', proxy: 'cn0', slaves: ['cn1'] }],
    addresses: new Map([['cn1', '198.18.1.2']]),
  });
  t.deepEqual(cluster.login, { name: 'login', role: 'login', address: 'login' });
  t.deepEqual(cluster.nodes.get('cn0'), { name: 'cn0', group: 'g0', role: 'proxy', address: 'cn0' });
  t.deepEqual(cluster.nodes.get('cn1'), { name: 'cn1', group: 'g0', role: 'slave', address: '198.18.1.2' });
  t.is(cluster.nodes.size, 3);
});

test('a node in two places is refused by name', (t) => {
  const groups = [
    { name: 'g0', proxy: 'cn0', slaves: ['cn1'] },
    { name: 'g1', proxy: 'cn1', slaves: [] },
  ];
  t.throws(() => makeCluster({ name: 'demo', login: 'login', groups }), {
    code: 'NODE_DUPLICATE',
    message: /cn1/,
  });
});
