/** What a job carries, ready to be sent: the layer scanned, split and ordered, the document cut into verified pieces. */
import { closeSync } from 'node:fs';
import { encodeShipment } from '../image/document.js';
import { dataSize } from '../image/manifest.js';
import { cutDocument } from '../image/pieces.js';
import type { DocumentPieces } from '../image/pieces.js';
import type { Split } from '../planning/split.js';
import type { LayerSource } from '../scan/source.js';
import { TeesError } from '../base/errors.js';
import { isAboutCommand, scanCarried, splitCarried, unsplit } from './carried.js';
import type { CarriedOptions } from './carried.js';
import { openEnvironment } from './environment-layer.js';

export interface Cargo {
  readonly source: LayerSource;
  readonly split: Split;
  readonly document: DocumentPieces;
  /** Chunks in order of sending. */
  readonly chunkOrder: readonly number[];
  /** The first so many of them are the urgent part. */
  readonly urgentChunks: number;
  /** Of contents. */
  readonly urgentBytes: number;
  readonly hystereticBytes: number;
}

export interface CargoOptions extends CarriedOptions {
  /** The command is run by somebody else: that it is not there is not for us to say. */
  readonly isResident: boolean;
  onPhase(phase: 'scanned' | 'split'): void;
}

export async function prepareCargo(options: CargoOptions): Promise<Cargo> {
  const { environment: name } = options.request;
  if (name === undefined) return prepare(options);
  const environment = openEnvironment(options.config.environments, options.user.uid, name);
  try {
    const request = { ...options.request, upper: environment.upper };
    return await prepare({ ...options, request, environment });
  } finally {
    // Who reads the layer from now on has a descriptor of their own.
    closeSync(environment.fd);
  }
}

async function prepare(options: CargoOptions): Promise<Cargo> {
  const source = await scanCarried(options);
  try {
    options.onPhase('scanned');
    const split = await splitCarried(options, source).catch((error: unknown) => {
      if (!options.isResident || !isAboutCommand(error)) throw error;
      return unsplit(source);
    });
    options.onPhase('split');
    const { order, urgentCount } = split;
    const document = cutDocument(encodeShipment({ manifest: source.manifest, order, urgentCount }));
    return { source, split, document, ...contentsInOrder(source, split) };
  } catch (error) {
    await source.close();
    throw TeesError.from(error, 'PLAN_FAILED');
  }
}

function contentsInOrder(
  source: LayerSource,
  split: Split,
): Pick<Cargo, 'chunkOrder' | 'urgentChunks' | 'urgentBytes' | 'hystereticBytes'> {
  const chunkOrder: number[] = [];
  let urgentChunks = 0;
  let urgentBytes = 0;
  let hystereticBytes = 0;
  split.order.forEach((index, position) => {
    const content = source.manifest.contents[index];
    if (!content) return;
    if (position < split.urgentCount) urgentBytes += dataSize(content);
    else hystereticBytes += dataSize(content);
    for (let i = 0; i < content.chunkCount; i++) chunkOrder.push(content.firstChunk + i);
    if (position < split.urgentCount) urgentChunks = chunkOrder.length;
  });
  return { chunkOrder, urgentChunks, urgentBytes, hystereticBytes };
}
