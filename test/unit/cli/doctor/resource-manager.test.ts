/** Whether Slurm has the plugin, by its plugstack.conf. */
import test from 'ava';
import { pluginPath } from '../../../../src/cli/doctor/resource-manager.js';

test('the plugin is found by its line, whatever else there is', (t) => {
  const text =
    '# ours\ninclude /etc/slurm/plugstack.conf.d/*.conf\n required  /opt/tees-spank.so socket=/run/x\n';
  t.is(pluginPath(text), '/opt/tees-spank.so');
  t.is(pluginPath('optional tees.so\n'), 'tees.so');
});

test('no other plugin is taken for it, and no comment', (t) => {
  for (const text of ['', 'required /usr/lib/pyxis.so\n', '#required tees-spank.so\n', 'tees-spank.so'])
    t.is(pluginPath(text), undefined);
});
