/** `cluster-owner.js STATE keep|drop detach|hold`: starts a small cluster, says `ready`, and stays or lets go. */
import { startCluster } from '../../src/emulator/cluster.js';
import { dummyDaemon } from './dummies.js';

const [stateDirectory = '', logs, mode] = process.argv.slice(2);
const cluster = await startCluster({
  stateDirectory,
  groups: 1,
  groupSize: 2,
  keepLogs: logs === 'keep',
  daemonCommand: dummyDaemon(),
});
if (mode === 'detach') await cluster.letGo();
else setInterval(() => {}, 1000);
process.stdout.write('ready\n');
