/** The slurm.conf of the trial `deploy`. */
import test from 'ava';
import { slurmConfiguration, slurmFiles } from '../../../../bench/deploy/slurm-configuration.js';

const files = slurmFiles('/scratch');
const text = slurmConfiguration(files, '/plugins', { name: 'login', address: '198.18.0.1' }, [
  { name: 'cn0', address: '198.18.1.1' },
  { name: 'cn1', address: '198.18.1.2' },
]);

test('every node has its own address', (t) => {
  t.regex(text, /^SlurmctldHost=login\(198\.18\.0\.1\)$/m);
  t.regex(text, /^NodeName=cn1 NodeHostname=cn1 NodeAddr=198\.18\.1\.2 /m);
});

test('all that Slurm writes lies in its directory', (t) => {
  const written = [...text.matchAll(/^(?:\w+Location|\w+SpoolDir|\w+PidFile|\w+LogFile)=(.*)$/gm)];
  t.is(written.length, 6);
  for (const [, path] of written) t.true(path?.startsWith('/scratch/'));
});

test('how files are broadcast is left to the defaults', (t) => {
  t.notRegex(text, /TreeWidth|BcastParameters|TopologyPlugin/);
});
