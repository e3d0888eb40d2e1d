/** The part of the configuration that says where daemons tell figures of themselves. */
import { isIPv4 } from 'node:net';
import type { Config } from './config.js';
import type { Section } from './reader.js';

const HINT = 'Give an address of each node and a port: { listen: "127.0.0.1:9611" }';

export function readMetrics(root: Section): Pick<Config, 'metrics'> {
  const value = root.get('metrics')?.section('a map with listen', ['listen']).require('listen', HINT);
  if (!value) return {};
  const text = value.text('ADDRESS:PORT');
  const [, host = '', digits = ''] = /^([0-9.]+):([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!isIPv4(host) || port < 1 || port > 65_535)
    throw value.fail(`"${text}" is no IPv4 address with a port`, HINT);
  return { metrics: { host, port } };
}
