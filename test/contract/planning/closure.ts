/** The analysis under test, in the shape in which the oracle answers. */
import type { ByteString } from '../../../src/base/bytes.js';
import { fromText } from '../../../src/base/bytes.js';
import type { Closure } from '../../../src/elf/closure.js';
import { dependencyClosure } from '../../../src/elf/closure.js';
import { parseElf } from '../../../src/elf/elf-file.js';
import type { Processor } from '../../../src/elf/loader-profile.js';
import { EnvironmentView } from '../../../src/planning/environment-view.js';
import { LayerIndex } from '../../../src/planning/layer-index.js';
import { manifestOf } from '../../unit/planning/layer.js';
import type { Oracle, OracleOptions } from './dynamic-loader.js';

const EMPTY = { entries: [], contents: [], digests: Buffer.alloc(0) };

export function analyse(
  program: string,
  options: OracleOptions & { opaque?: readonly string[]; processors?: readonly Processor[] } = {},
): Oracle & { readonly closure: Closure; readonly opened: string[] } {
  const manifest = options.upper === undefined ? EMPTY : manifestOf(options.upper, options.opaque);
  const upper = fromText(options.upper ?? '/nonexistent');
  const view = new EnvironmentView(new LayerIndex(manifest), upper, '/' as ByteString);
  const file = view.find(fromText(program));
  const elf = file && parseElf(file.reader);
  if (elf?.kind !== 'elf') throw new Error(`${program} is not ELF`);
  const { LD_LIBRARY_PATH, LD_PRELOAD } = options.env ?? {};
  const environment = {
    libraryPath: LD_LIBRARY_PATH === undefined ? undefined : fromText(LD_LIBRARY_PATH),
    preload: LD_PRELOAD === undefined ? undefined : fromText(LD_PRELOAD),
    cwd: fromText(options.cwd ?? '/'),
  };
  const closure = dependencyClosure(
    view,
    file as NonNullable<typeof file>,
    elf,
    environment,
    options.processors,
  );
  const accepted = closure.opened.filter((it) => it.accepted && it.reason === 'library');
  return {
    closure,
    libraries: accepted.map((it) => it.file.path),
    opened: closure.opened.filter((it) => it.reason !== 'interpreter').map((it) => it.file.path),
    // The trace does not list what could not be preloaded.
    missing: closure.missing.filter((it) => !/preload/i.test(it.neededBy)).map((it) => it.name),
  };
}
