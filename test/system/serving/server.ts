/**
 * A serving process of its own, for tests that end it or hide things from it: serves content 0, "here\n", and
 * content 1, which never comes, at the directory it is given. Prints `ready`, or the error's record as JSON.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { systemClock } from '../../../src/base/clock.js';
import { TeesError } from '../../../src/base/errors.js';
import { FuseNativeHook } from '../../../src/serving/fuse-native.js';
import { Arrivals } from '../../../src/store/arrivals.js';

const HERE = 'here\n';
const root = process.argv[2] as string;
const arrivals = new Arrivals(2, systemClock);
mkdirSync(`${root}/served`);
writeFileSync(`${root}/0`, HERE);
arrivals.arrived(0);
const hook = new FuseNativeHook({
  jobDirectory: root,
  directory: `${root}/served`,
  contentCount: 2,
  sizeOf: () => HERE.length,
  pathOf: (content) => `${root}/${content}`,
  arrivals,
});
try {
  await hook.start();
  // As a daemon's children do, this one outlives it, and must not hold the device open.
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  child.unref();
  console.log(`ready ${child.pid}`);
} catch (error) {
  await hook.stop();
  console.log(JSON.stringify(TeesError.from(error, 'UNEXPECTED').toRecord()));
}
