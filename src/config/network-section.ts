/** The part of the configuration that describes the network: what the cost model reckons with, and where it is metered. */
import {
  INTERFACE_NAME_MAX_BYTES,
  NETWORK_DELAY_MAX_NS,
  NETWORK_RATE_MAX_BITS,
  NETWORK_RATE_MIN_BITS,
} from '../base/limits.js';
import type { NetworkCosts } from '../topology/network.js';
import type { Config } from './config.js';
import { DEFAULTS } from './config.js';
import { DELAY, RATE } from './quantities.js';
import { readQuantity } from './quantity-value.js';
import type { Section, Value } from './reader.js';

const KEYS = [
  'latency',
  'hopCost',
  'loginBandwidth',
  'uplinkBandwidth',
  'groupBandwidth',
  'uplinkInterface',
] as const;
type Key = (typeof KEYS)[number];

export function readNetwork(root: Section): Config['network'] {
  const section = root.get('network')?.section(`a map with ${KEYS.join(', ')}`, KEYS);
  const get = (key: Key): Value | undefined => section?.get(key);
  const uplink = get('uplinkInterface');
  const costs: NetworkCosts = {
    latencySeconds: readDelay(get('latency'), DEFAULTS.latencyNs),
    hopCostSeconds: readDelay(get('hopCost'), DEFAULTS.hopCostNs),
    loginBytesPerSecond: readRate(get('loginBandwidth')),
    uplinkBytesPerSecond: readRate(get('uplinkBandwidth')),
    groupBytesPerSecond: readRate(get('groupBandwidth')),
  };
  return { ...costs, ...(uplink ? { uplinkInterface: interfaceName(uplink) } : {}) };
}

function readDelay(value: Value | undefined, defaultNs: number): number {
  return (value ? readQuantity(value, DELAY, 0, NETWORK_DELAY_MAX_NS) : defaultNs) / 1e9;
}

function readRate(value: Value | undefined): number {
  const [min, max] = [NETWORK_RATE_MIN_BITS, NETWORK_RATE_MAX_BITS];
  return (value ? readQuantity(value, RATE, min, max) : DEFAULTS.bandwidthBits) / 8;
}

function interfaceName(value: Value): string {
  const text = value.text('the name of a network interface');
  if (/^[^\s/:]+$/.test(text) && Buffer.byteLength(text) <= INTERFACE_NAME_MAX_BYTES) return text;
  throw value.fail(
    `"${text}" cannot be an interface`,
    `A name such as eth0, ${INTERFACE_NAME_MAX_BYTES} bytes at most.`,
  );
}
