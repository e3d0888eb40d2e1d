/** `tees cancel`: ends a job, on every node, and says when nothing of it is left. */
import type { Argv, CommandModule } from 'yargs';
import type { PlainShape } from '../plain-words.js';

interface Options {
  readonly job: string;
  readonly socket?: string;
  readonly config?: string;
  readonly cluster?: string;
}

export const plain: PlainShape = { positionals: ['job'], required: 1, flags: [] };

export const command: CommandModule<object, Options> = {
  command: 'cancel <job>',
  describe: 'end a job of yours, on every node',
  builder: (yargs) =>
    yargs
      .positional('job', {
        type: 'string',
        demandOption: true,
        describe: 'its name, as tees status shows it',
      })
      .option('socket', {
        type: 'string',
        describe: "the login daemon's socket",
      }) as unknown as Argv<Options>,
  handler: cancelJob,
};

async function cancelJob(options: Options): Promise<void> {
  const { askDaemon, daemonSocket } = await import('../ask-daemon.js');
  const { decodeCancelled } = await import('../../wire/jobs.js');
  const { formatCount, formatSeconds } = await import('../../report/units.js');
  const { header } = await askDaemon(daemonSocket(options), { t: 'cancelJob', job: options.job });
  const { job, nodes, seconds } = decodeCancelled(header);
  const took = `torn down on ${formatCount(nodes, 'node')} in ${formatSeconds(seconds)}`;
  process.stdout.write(`job ${job} cancelled: ${took}\n`);
}
