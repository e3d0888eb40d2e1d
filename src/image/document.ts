/**
 * The shipping document of a job: the manifest, and in which order the contents are sent. It is the first thing
 * that travels down the tree, in pieces that are verified like chunks.
 *
 *   urgent count   4 bytes, big endian: so many of the order are the urgent part
 *   order length   4 bytes, big endian: bytes of the encoded order
 *   order          zigzag varints: each content's index less the one before it
 *   manifest       see codec.ts
 */
import { TeesError } from '../base/errors.js';
import { decodeManifest, encodeManifest } from './codec.js';
import type { Manifest } from './manifest.js';

export interface Shipment {
  readonly manifest: Manifest;
  /** Every content's index once. */
  readonly order: readonly number[];
  readonly urgentCount: number;
}

const PREFIX_BYTES = 8;

export function encodeShipment(shipment: Shipment): Buffer {
  const order = encodeOrder(shipment.order);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(shipment.urgentCount, 0);
  prefix.writeUInt32BE(order.length, 4);
  return Buffer.concat([prefix, order, encodeManifest(shipment.manifest)]);
}

/** @throws TeesError MANIFEST_INVALID */
export function decodeShipment(bytes: Buffer): Shipment {
  if (bytes.length < PREFIX_BYTES) throw invalid('it is cut short');
  const urgentCount = bytes.readUInt32BE(0);
  const orderEnd = PREFIX_BYTES + bytes.readUInt32BE(4);
  if (orderEnd > bytes.length) throw invalid('its order is cut short');
  const manifest = decodeManifest(bytes.subarray(orderEnd));
  const order = decodeOrder(bytes.subarray(PREFIX_BYTES, orderEnd), manifest.contents.length);
  if (urgentCount > order.length) throw invalid('its urgent part is larger than the whole');
  return { manifest, order, urgentCount };
}

function encodeOrder(order: readonly number[]): Buffer {
  const bytes: number[] = [];
  let previous = 0;
  for (const content of order) {
    const delta = content - previous;
    previous = content;
    let value = delta >= 0 ? delta * 2 : -delta * 2 - 1;
    for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
    bytes.push(value);
  }
  return Buffer.from(bytes);
}

/** Refuses all but a permutation of 0 … count − 1. */
function decodeOrder(bytes: Buffer, count: number): number[] {
  if (bytes.length < count) throw invalid('its order does not name every content');
  const seen = new Uint8Array(count);
  const order: number[] = [];
  let offset = 0;
  let previous = 0;
  while (offset < bytes.length) {
    let value = 0;
    let scale = 1;
    let byte: number;
    do {
      byte = bytes[offset++] ?? -1;
      if (byte < 0 || scale > 2 ** 35) throw invalid('a number of its order is malformed');
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte & 0x80);
    previous += value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    if (seen[previous] !== 0) throw invalid('its order names a content twice, or one that is not there');
    seen[previous] = 1;
    order.push(previous);
  }
  if (order.length !== count) throw invalid('its order does not name every content');
  return order;
}

function invalid(why: string): TeesError {
  return new TeesError('MANIFEST_INVALID', `a shipping document was refused: ${why}`);
}
