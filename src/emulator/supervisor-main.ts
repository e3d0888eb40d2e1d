/**
 * The supervisor's process: `supervisor-main.js STATE END run|sweep`, started by `tees-init supervise`, which
 * adds the last word. `run` reads the specification from one descriptor and reports on another, a line of JSON each
 * time; `sweep` runs outside the namespaces when everything in them has ended.
 */
import { ftruncateSync, readFileSync, writeSync } from 'node:fs';
import { systemClock } from '../base/clock.js';
import { TeesError, assert, describeError } from '../base/errors.js';
import { createLog } from '../base/log.js';
import { CLUSTER_ENDS } from './options.js';
import type { ClusterSpecification } from './options.js';
import type { StartReport } from './start-report.js';
import { REPORT_FD, SPECIFICATION_FD } from './start-report.js';
import { StateDirectory } from './state-directory.js';
import { Supervisor } from './supervisor.js';

const log = createLog('supervisor', 'info');

function report(line: StartReport): void {
  try {
    writeSync(REPORT_FD, JSON.stringify(line) + '\n');
  } catch {
    // The owner has gone; tees-init knows and stops us.
  }
}

async function run(): Promise<void> {
  ftruncateSync(1); // the log of the cluster that was here before
  const specification = JSON.parse(readFileSync(SPECIFICATION_FD, 'utf8')) as ClusterSpecification;
  process.env['TEES_CLUSTER'] = specification.stateDirectory;
  let stopping = false;
  const supervisor = new Supervisor(specification, systemClock, () => stop(0));
  const stop = (status: number): void => {
    if (stopping) return;
    stopping = true;
    log.info('stopping');
    void supervisor.stopNodes().finally(() => process.exit(status));
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(0));
  try {
    await supervisor.start((progress) => report({ progress }));
    log.info('every node is up');
    report({ ready: true });
  } catch (thrown) {
    if (stopping) return;
    const error = TeesError.from(thrown, 'CLUSTER_START_FAILED');
    log.error(describeError(error));
    report({ error: error.toRecord() });
    stop(1);
  }
}

const [state, word, verb] = process.argv.slice(2);
const end = CLUSTER_ENDS.find((each) => each === word);
assert(state && end, 'arguments of the supervisor');
if (verb === 'sweep') new StateDirectory(state).sweep(end);
else await run();
