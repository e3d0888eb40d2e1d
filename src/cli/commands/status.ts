/** `tees status`: the jobs of the user at this login node, and what waits in them. */
import type { Argv, CommandModule } from 'yargs';
import type { JobStatus } from '../../wire/jobs.js';
import type { PlainShape } from '../plain-words.js';

interface Options {
  readonly job?: string;
  readonly json: boolean;
  readonly socket?: string;
  readonly config?: string;
  readonly cluster?: string;
}

export const plain: PlainShape = { positionals: ['job'], required: 0, flags: ['json'] };

export const command: CommandModule<object, Options> = {
  command: 'status [job]',
  describe: 'your jobs: how far they are, and which reads wait',
  builder: (yargs) =>
    yargs
      .positional('job', { type: 'string', describe: 'of this job only' })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' })
      .option('socket', { type: 'string', describe: "the login daemon's socket" }) as Argv<Options>,
  handler: showStatus,
};

async function showStatus(options: Options): Promise<void> {
  const { askDaemon, daemonSocket } = await import('../ask-daemon.js');
  const { jobsText } = await import('../jobs-text.js');
  const { job, json } = options;
  const question = { t: 'status', ...(job === undefined ? {} : { job }) };
  const { body } = await askDaemon(daemonSocket(options), question);
  const jobs = JSON.parse(body.toString()) as JobStatus[];
  process.stdout.write(json ? `${JSON.stringify({ schema: 1, jobs }, null, 2)}\n` : jobsText(jobs));
}
