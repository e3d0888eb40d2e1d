/** `tees calibrate`: measures what the cost model reckons with, and writes it into the configuration. */
import { realpathSync } from 'node:fs';
import type { Argv, CommandModule } from 'yargs';
import { usageError } from '../../base/errors.js';
import type { ThresholdFacts } from '../calibrate-text.js';
import type { CalibrationFacts } from '../../wire/calibrate-question.js';

/** The paper's largest urgent part. */
const THRESHOLD_BYTES = 16 * 2 ** 20;

interface Options {
  readonly nodes?: string;
  readonly duration?: string;
  readonly bytes?: string;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly socket?: string;
  readonly config?: string;
  readonly cluster?: string;
}

export const command: CommandModule<object, Options> = {
  command: 'calibrate',
  describe: 'measure the network that trees are planned for, and write it to the configuration (root)',
  builder: (yargs) =>
    yargs
      .option('nodes', { type: 'string', describe: 'among these nodes', defaultDescription: 'all' })
      .option('duration', { type: 'string', describe: 'of each transfer', defaultDescription: '1s' })
      .option('bytes', {
        type: 'string',
        describe: 'of the layer that is deployed both ways to find tree.threshold',
        defaultDescription: '16MiB',
      })
      .option('dry-run', { type: 'boolean', default: false, describe: 'measure, and write nothing' })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' })
      .option('socket', {
        type: 'string',
        describe: "the login daemon's socket",
      }) as unknown as Argv<Options>,
  handler: calibrate,
};

async function calibrate(options: Options): Promise<void> {
  const { askDaemon, daemonSocket } = await import('../ask-daemon.js');
  const { locateConfig } = await import('../../config/locate.js');
  const { calibrationText, networkValues, thresholdText } = await import('../calibrate-text.js');
  const { decodeDoing } = await import('../../wire/calibrate-question.js');
  const { nodes, dryRun, json } = options;
  const file = locateConfig(options);
  const socket = daemonSocket(options);
  const bytes = await bytesOf(options);
  const request = {
    t: 'calibrate',
    durationMs: await durationOf(options),
    ...(nodes === undefined ? {} : { nodes }),
  };
  const { body } = await askDaemon(socket, request, (header) =>
    process.stderr.write(`measuring: ${decodeDoing(header)}\n`),
  );
  const facts = JSON.parse(body.toString()) as CalibrationFacts;
  const values = networkValues(facts);
  if (!json) process.stdout.write(calibrationText(facts));
  const written =
    dryRun || Object.keys(values).length === 0 ? undefined : await write(file, 'network', values);
  const inUse = written !== undefined && isSameFile(file, facts.file);
  if (inUse) await askDaemon(socket, { t: 'useNetwork' });
  const threshold = await measureThreshold({ ...options, file, socket, bytes });
  if (threshold && !json) process.stdout.write(thresholdText(threshold));
  if (threshold && !dryRun) {
    await write(file, 'tree', { threshold: String(threshold.threshold) }, written === undefined);
    if (isSameFile(file, facts.file)) await askDaemon(socket, { t: 'useNetwork' });
  }
  if (json) {
    const record = {
      schema: 1,
      ...facts,
      values,
      ...(threshold ?? {}),
      ...(written === undefined ? {} : { file, kept: written }),
      inUse,
    };
    process.stdout.write(`${JSON.stringify(record, null, 2)}\n`);
    return;
  }
  process.stdout.write(
    written === undefined ? 'Nothing was written.\n' : await writtenText(file, written, inUse),
  );
}

/** It must mean the same as before, but for these values. */
async function write(
  file: string,
  section: string,
  values: Readonly<Record<string, string>>,
  keeps = true,
): Promise<string> {
  const { setInSection } = await import('../../config/edit.js');
  const { rewriteConfig } = await import('../../config/rewrite.js');
  const { checkOnlyMeasuredDiffers } = await import('../../config/compare.js');
  const edit = (text: string): string => {
    const edited = setInSection(text, section, values);
    checkOnlyMeasuredDiffers(text, edited, file);
    return edited;
  };
  return rewriteConfig(file, edit, keeps);
}

interface ThresholdOptions {
  readonly nodes?: string;
  readonly file: string;
  readonly socket: string;
  readonly bytes: number;
}

/** Where there is a shared storage: undefined without one. Trees are planned with what was measured before. */
async function measureThreshold({
  nodes: list,
  file,
  socket,
  bytes,
}: ThresholdOptions): Promise<ThresholdFacts | undefined> {
  const { loadConfig } = await import('../../config/parse.js');
  const { cluster, sharedStorage } = loadConfig(file);
  if (!sharedStorage) return undefined;
  const computeNodes = cluster.groups.flatMap(({ proxy, slaves }) => [proxy, ...slaves]);
  const { selectNodes } = await import('../../topology/select.js');
  const { thresholdOf } = await import('../../planning/threshold.js');
  const { compareMethods } = await import('../threshold-jobs.js');
  const nodes = list === undefined ? computeNodes : selectNodes(cluster, list);
  const doing = (text: string): void => void process.stderr.write(`measuring: ${text}\n`);
  const comparisons = await compareMethods({ nodes, socket, bytes, doing });
  return { threshold: thresholdOf(comparisons), bytes, comparisons };
}

async function bytesOf({ bytes }: Options): Promise<number> {
  const { SIZE_SYNTAX, parseSize } = await import('../../config/quantities.js');
  if (bytes === undefined) return THRESHOLD_BYTES;
  const size = parseSize(bytes);
  if (size !== undefined && size > 0) return size;
  throw usageError('SIZE_INVALID', `--bytes ${bytes} is no size`, { hint: `Give ${SIZE_SYNTAX}.` });
}

async function writtenText(file: string, kept: string, inUse: boolean): Promise<string> {
  const { wrap } = await import('../../report/units.js');
  const who = inUse
    ? 'The login daemon plans with it from now on. Only it plans: no daemon needs a new start.'
    : 'The login daemon has read another file, and goes on with that.';
  const texts = [
    `Written to ${file}; the old one is ${kept}.`,
    who,
    'The file should be the same on every node: copy it there when it suits.',
  ];
  return texts
    .flatMap((text) => wrap(text, 80))
    .map((line) => `${line}\n`)
    .join('');
}

function isSameFile(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}

async function durationOf({ duration }: Options): Promise<number> {
  const { TRIAL_DURATION_DEFAULT_MS } = await import('../../base/limits.js');
  const { DURATION_SYNTAX, parseDuration } = await import('../../config/quantities.js');
  if (duration === undefined) return TRIAL_DURATION_DEFAULT_MS;
  const durationMs = parseDuration(duration);
  if (durationMs !== undefined) return durationMs;
  throw usageError('TRIAL_DURATION_INVALID', `--duration ${duration} is no duration`, {
    hint: `Give ${DURATION_SYNTAX}.`,
  });
}
