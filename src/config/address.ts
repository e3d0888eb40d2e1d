/** Where a node's daemon listens. */
import { TeesError } from '../base/errors.js';
import type { Config } from './config.js';

export function addressOf(config: Config, node: string): { host: string; port: number } {
  const info = config.cluster.nodes.get(node);
  if (!info) {
    throw new TeesError('NODE_UNKNOWN', `${node} is not in the configuration`, {
      node,
      hint: `Add it to ${config.file}, the same on every node.`,
    });
  }
  return { host: info.address, port: config.port };
}
