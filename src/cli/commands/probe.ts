/** `tees probe`: the empty-file check of the network, along the tree that a job would have. */
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import type { ProbeFacts } from '../../wire/probe-question.js';
import type { PlainShape } from '../plain-words.js';

interface Options {
  readonly nodes: string;
  readonly timeout?: string;
  readonly method?: string;
  readonly shape?: string;
  readonly width?: number;
  readonly bytes?: string;
  readonly json: boolean;
  readonly socket?: string;
  readonly config?: string;
  readonly cluster?: string;
}

export const plain: PlainShape = {
  positionals: [],
  required: 0,
  flags: ['json'],
  values: ['nodes', 'timeout', 'method', 'shape', 'bytes'],
  needed: ['nodes'],
};

export const command: CommandModule<object, Options> = {
  command: 'probe',
  describe: 'check the network to nodes, hop by hop, as the tree of a job would use it',
  builder: (yargs) =>
    yargs
      .usage('$0 probe --nodes LIST [options]\n\nEnds with status 0 only when all nodes have answered.')
      .option('nodes', { type: 'string', demandOption: true, describe: 'the nodes: cn[0-15,20]' })
      .option('timeout', {
        type: 'string',
        describe: 'after how long who has not answered counts as silent: 5s, 500ms',
        defaultDescription: '3s',
      })
      .option('method', {
        type: 'string',
        describe: 'of the tree, as for tees run',
        defaultDescription: 'auto',
      })
      .option('shape', { type: 'string', describe: 'of the tree', defaultDescription: 'tree.shape' })
      .option('width', { type: 'number', describe: 'of the tree', defaultDescription: 'tree.width' })
      .option('bytes', {
        type: 'string',
        describe: 'take the tree of a job that carries so much: 320MiB',
        defaultDescription: '0: an empty file',
      })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' })
      .option('socket', {
        type: 'string',
        describe: "the login daemon's socket",
      }) as unknown as Argv<Options>,
  handler: probe,
};

async function probe(options: Options): Promise<void> {
  const { encodeProbeRequest } = await import('../../wire/probe-question.js');
  const request = encodeProbeRequest({
    nodes: options.nodes,
    method: options.method ?? 'auto',
    timeoutMs: await timeoutOf(options),
    bytes: await bytesOf(options),
    ...(options.shape === undefined ? {} : { shape: options.shape }),
    ...(options.width === undefined ? {} : { width: options.width }),
  });
  const { askDaemon, daemonSocket } = await import('../ask-daemon.js');
  const { body } = await askDaemon(daemonSocket(options), request);
  const facts = JSON.parse(body.toString()) as ProbeFacts;
  const { probeText } = await import('../probe-text.js');
  process.stdout.write(
    options.json ? `${JSON.stringify({ schema: 1, ...facts }, null, 2)}\n` : probeText(facts),
  );
  process.exitCode = facts.ok ? 0 : 1;
}

/** What is out of range, the daemon says. */
async function timeoutOf({ timeout }: Options): Promise<number> {
  const { PROBE_TIMEOUT_DEFAULT_MS } = await import('../../base/limits.js');
  const { DURATION_SYNTAX, parseDuration } = await import('../../config/quantities.js');
  if (timeout === undefined) return PROBE_TIMEOUT_DEFAULT_MS;
  const timeoutMs = /^[0-9.]+$/.test(timeout) ? parseDuration(`${timeout}s`) : parseDuration(timeout);
  if (timeoutMs !== undefined) return timeoutMs;
  throw usageError('PROBE_TIMEOUT_INVALID', `--timeout ${timeout} is no duration`, {
    hint: `Give ${DURATION_SYNTAX}; a bare number is seconds.`,
  });
}

async function bytesOf({ bytes }: Options): Promise<number> {
  if (bytes === undefined) return 0;
  const { SIZE_SYNTAX, parseSize } = await import('../../config/quantities.js');
  const size = parseSize(bytes);
  if (size !== undefined) return size;
  throw usageError('SIZE_INVALID', `--bytes ${bytes} is no size`, { hint: `Give ${SIZE_SYNTAX}.` });
}
