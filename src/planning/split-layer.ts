/**
 * Splits a layer into the urgent part, without which the command cannot start, and the hysteretic part, which may
 * arrive while it runs (paper, section 3.4.1). By dependency analysis alone: nothing is executed.
 */
import { realpathSync } from 'node:fs';
import type { ByteString } from '../base/bytes.js';
import { display, fromBuffer, fromText } from '../base/bytes.js';
import { TeesError } from '../base/errors.js';
import { LOADER_CONFIGURATION_MAX_BYTES } from '../base/limits.js';
import { SPARSE_URGENT_FILE_MAX_BYTES, SPARSE_URGENT_TOTAL_MAX_BYTES } from '../base/limits.js';
import { readAll } from '../elf/byte-reader.js';
import type { LdSoConf } from '../elf/ld-so-conf.js';
import { readLdSoConf } from '../elf/ld-so-conf.js';
import type { Manifest } from '../image/manifest.js';
import { dataSize } from '../image/manifest.js';
import { addAsked } from './asked.js';
import { commandKey, environmentKey } from './command-key.js';
import type { CommandKey } from './command-key.js';
import type { ExecContext } from './command.js';
import { EnvironmentView } from './environment-view.js';
import { addWhatIsNotReached, uncoveredPrograms } from './coverage.js';
import { hystereticOrder } from './hysteretic-order.js';
import { LayerIndex } from './layer-index.js';
import { addLearnt } from './learnt.js';
import type { Recall } from './learnt.js';
import { isPattern, pathMatcher } from './path-pattern.js';
import { addCommand } from './program.js';
import type { MissingFile, Split } from './split.js';
import { UrgentSet } from './urgent-set.js';

export interface SplitInput {
  /** A scanned layer (`LayerSource`): its manifest is what is used. */
  readonly source: { readonly manifest: Manifest };
  /** The layer's directory. */
  readonly upper: string;
  /** What it is remembered by, where that is not the directory: the name of a private environment. */
  readonly name?: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Inside the environment; / when it does not exist there. */
  readonly cwd: string;
  /** `--urgent`: files, directories or patterns. */
  readonly urgentPaths: readonly string[];
  /** Whether the hook's engine lets a program find the holes of a file that is served. */
  readonly engineReportsHoles: boolean;
  /** The hook is a library in the programs themselves, and does not reach all of them. */
  readonly hookIsLibrary?: boolean;
  /** What earlier runs have read while they started; without it nothing is asked for and nothing is learnt. */
  readonly recall?: Recall;
  /** What the layer lies over: the node's root. */
  readonly root?: string;
  /** Through this every look at a file is taken, so that nobody is told of files that they may not see. */
  readonly look?: <T>(action: () => T) => T;
}

const LD_SO_CONF = fromText('/etc/ld.so.conf');
const SERVING_ENGINE = fromText('serving engine');

/** @throws TeesError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, URGENT_NOT_FOUND, UPPER_UNREADABLE */
export async function splitLayer(input: SplitInput): Promise<Split> {
  const look = input.look ?? (<T>(action: () => T): T => action());
  const { manifest } = input.source;
  const { index, view, urgent, configuration, key } = look(() => analyse(input));
  const learnt = await addLearnt(index, urgent, key, input.recall);
  if (input.hookIsLibrary) addWhatIsNotReached(index, urgent);
  const contents = urgent.contents;
  return {
    urgent: urgent.files,
    order: [...contents, ...hystereticOrder(manifest, contents, learnt?.firstContents)],
    urgentCount: contents.size,
    missing: look(() => urgent.missing.map((it) => withHint(view, configuration, it))),
    ...(input.hookIsLibrary ? { uncovered: look(() => uncoveredPrograms(urgent)) } : {}),
    ...(learnt ? { learnt: learnt.share } : {}),
  };
}

interface Analysis {
  readonly index: LayerIndex;
  readonly view: EnvironmentView;
  readonly urgent: UrgentSet;
  readonly configuration: LdSoConf;
  readonly key: CommandKey;
}

function analyse(input: SplitInput): Analysis {
  const index = new LayerIndex(input.source.manifest);
  const upper = input.name === undefined ? realDirectory(input.upper) : fromText(input.upper);
  const view = new EnvironmentView(index, upper, realDirectory(input.root ?? '/'));
  const context = execContext(view, input);
  const urgent = new UrgentSet();
  const argv = input.argv.map(fromText);
  addCommand(view, urgent, argv, context);
  const configuration = addLoaderConfiguration(view, urgent);
  for (const path of input.urgentPaths) addAsked(view, urgent, path, context.cwd);
  if (!input.engineReportsHoles) addSparse(index, urgent);
  const key = {
    environment: environmentKey(input.name === undefined ? upper : fromText(input.name)),
    command: commandKey(view, argv, context),
  };
  return { index, view, urgent, configuration, key };
}

function realDirectory(path: string): ByteString {
  try {
    return fromBuffer(realpathSync.native(path, { encoding: 'buffer' }));
  } catch (cause) {
    const hint = 'Name a directory that exists and that you may read.';
    throw new TeesError('UPPER_UNREADABLE', 'the directory cannot be read', { path, cause, hint });
  }
}

function execContext(view: EnvironmentView, input: SplitInput): ExecContext {
  const env: Record<string, ByteString> = {};
  for (const [name, value] of Object.entries(input.env)) env[fromText(name)] = fromText(value);
  const cwd = view.resolve(fromText(input.cwd));
  return { env, cwd: cwd.kind === 'directory' ? cwd.path : ('/' as ByteString) };
}

/**
 * The loader reads the cache, not what the cache is made from; but ld.so.conf is tiny, and whoever looks for a
 * library by hand reads it.
 */
function addLoaderConfiguration(view: EnvironmentView, urgent: UrgentSet): LdSoConf {
  const configuration = readLdSoConf(
    {
      readText: (path) => {
        const file = view.find(path);
        return (
          file && (readAll(file.reader, LOADER_CONFIGURATION_MAX_BYTES)?.toString('latin1') as ByteString)
        );
      },
      expand: (pattern) => expand(view, pattern),
    },
    LD_SO_CONF,
  );
  for (const path of urgent.usesLoader ? configuration.files : []) {
    const file = view.find(path);
    if (file)
      urgent.add(file, 'loader-configuration', path === LD_SO_CONF ? fromText('ldconfig') : LD_SO_CONF);
  }
  return configuration;
}

/** Patterns in the last component, as in `include /etc/ld.so.conf.d/*.conf`. */
function expand(view: EnvironmentView, pattern: ByteString): ByteString[] {
  if (!isPattern(pattern)) return [pattern];
  const slash = pattern.lastIndexOf('/');
  const directory = pattern.slice(0, slash) as ByteString;
  const matches = pathMatcher(pattern.slice(slash + 1));
  return view
    .list(directory === '' ? ('/' as ByteString) : directory)
    .filter((name) => !name.startsWith('.') && matches(name))
    .map((name) => `${directory}/${name}` as ByteString);
}

/**
 * Programs that copy or map sparse files ask for their holes; where the engine has no answer a hole would be read
 * as data. The smallest files first, so that as many as possible go.
 */
function addSparse(index: LayerIndex, urgent: UrgentSet): void {
  const already = urgent.contents;
  const sparse = index.manifest.contents
    .map((content, id) => ({ id, size: content.size, bytes: dataSize(content) }))
    .filter(
      ({ id, size, bytes }) => bytes < size && bytes <= SPARSE_URGENT_FILE_MAX_BYTES && !already.has(id),
    )
    .sort((a, b) => a.bytes - b.bytes || a.id - b.id);
  const chosen = new Set<number>();
  let total = 0;
  for (const { id, bytes } of sparse) {
    total += bytes;
    if (total > SPARSE_URGENT_TOTAL_MAX_BYTES) break;
    chosen.add(id);
  }
  for (const entry of chosen.size > 0 ? index.manifest.entries : []) {
    const file = index.file(entry.path);
    if (file?.content !== undefined && chosen.has(file.content))
      urgent.addLayerFile(file, 'sparse', SERVING_ENGINE);
  }
}

function withHint(view: EnvironmentView, configuration: LdSoConf, missing: MissingFile): MissingFile {
  if (missing.hint !== undefined || missing.name.includes('/')) return missing;
  const directory = configuration.directories.find((it) => view.find(`${it}/${missing.name}` as ByteString));
  if (directory === undefined) return missing;
  return {
    ...missing,
    hint: `It is in ${display(directory)}, which ld.so.cache does not list: run ldconfig.`,
  };
}
