/** The names layer of a job on a node: a real directory tree, made from the manifest before anything else. */
import { TeesError } from '../base/errors.js';
import { native } from '../base/native.js';
import type { JobDirectories, WriteNamesLayer } from './environment.js';
import { encodeNamesProgram, encodeRootProgram } from './names-program.js';

/**
 * Also gives the upper layer's directory the root's metadata: that directory shows as `/` inside.
 * @throws TeesError MANIFEST_INVALID; STORE_FULL; NAMES_LAYER_FAILED, all naming the path
 */
export const writeNamesLayer: WriteNamesLayer = async (manifest, directories, options) => {
  await write(directories, directories.names, encodeNamesProgram(manifest, options));
  await write(directories, directories.upper, encodeRootProgram(manifest));
};

async function write(directories: JobDirectories, directory: string, program: Buffer): Promise<void> {
  try {
    await native().writeNames(Buffer.from(directory), program);
  } catch (cause) {
    throw failure(directories, cause);
  }
}

function failure(directories: JobDirectories, cause: unknown): TeesError {
  if (!(cause instanceof Error)) return TeesError.from(cause, 'NAMES_LAYER_FAILED');
  const { code, path } = cause as NodeJS.ErrnoException;
  const context = { cause, ...(path === undefined ? {} : { path }) };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TeesError('STORE_FULL', `no space for the names of the layer below ${directories.root}`, {
      ...context,
      hint: 'Give the file system of store.directory more space or inodes (for tmpfs: size=, nr_inodes=).',
    });
  }
  if (code === 'EOPNOTSUPP') {
    return new TeesError('NAMES_LAYER_FAILED', `the store's file system cannot hold this: ${cause.message}`, {
      ...context,
      hint: 'Put store.directory on ext4 or xfs; user extended attributes on tmpfs need Linux 6.6.',
    });
  }
  return new TeesError(
    'NAMES_LAYER_FAILED',
    `cannot write the names of the layer: ${cause.message}`,
    context,
  );
}
