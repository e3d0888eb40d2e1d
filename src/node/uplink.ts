/**
 * What crosses a proxy node's uplink: the kernel's byte counters of the interface that faces the upper topology
 * (proc_net(5), /proc/net/dev), read when a job begins and when its layer has been passed on.
 */
import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.js';

export interface ByteCounters {
  readonly inBytes: number;
  readonly outBytes: number;
}

/** Counters of one interface in the text of /proc/net/dev; undefined when it is not there. */
export function parseCounters(text: string, interfaceName: string): ByteCounters | undefined {
  for (const line of text.split('\n')) {
    const [name, numbers] = line.split(':');
    if (name?.trim() !== interfaceName || numbers === undefined) continue;
    const columns = numbers.trim().split(/\s+/).map(Number);
    return { inBytes: columns[0] ?? 0, outBytes: columns[8] ?? 0 };
  }
  return undefined;
}

export class UplinkMeter {
  readonly start: ByteCounters | undefined;

  /**
   * @param interfaceName undefined on nodes that have no uplink of their own
   * @param start what the counters said to an earlier daemon
   */
  constructor(
    private readonly interfaceName: string | undefined,
    start?: ByteCounters,
  ) {
    this.start = start ?? this.#read();
  }

  /** Of a node, if it is a proxy node. */
  static of({ cluster, network }: Config, node: string, start?: ByteCounters): UplinkMeter {
    const isProxy = cluster.nodes.get(node)?.role === 'proxy';
    return new UplinkMeter(isProxy ? network.uplinkInterface : undefined, start);
  }

  /** Bytes since the start. */
  used(): ByteCounters | undefined {
    const now = this.#read();
    if (!this.start || !now) return undefined;
    return { inBytes: now.inBytes - this.start.inBytes, outBytes: now.outBytes - this.start.outBytes };
  }

  #read(): ByteCounters | undefined {
    if (this.interfaceName === undefined) return undefined;
    // This process may be in another network namespace than its leader thread's /proc/net would show.
    return parseCounters(readFileSync('/proc/thread-self/net/dev', 'utf8'), this.interfaceName);
  }
}
