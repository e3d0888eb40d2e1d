/**
 * The relay that is measured: a node's daemon as it is, in a process of its own. Arguments: directory, key, port, the
 * children's port.
 */
import { parseConfig } from '../../src/config/parse.js';
import { NodeDaemon } from '../../src/node/daemon.js';
import { keyProver } from '../../src/wire/authentication.js';

const [directory = '', key = '', port = '', childrenPort = ''] = process.argv.slice(2);
const nothing = (): void => {};
const complain = (text: string): void => void process.stderr.write(`relay: ${text}\n`);
const text = [
  'cluster: relay',
  'login: { name: login }',
  'groups: [{ proxy: cn0, slaves: "cn[1-15]" }]',
  'addresses: { login: 127.0.0.1, "cn[0-15]": "127.0.0.[1-16]" }',
  `port: ${port}`,
  `store: { directory: ${directory}, size: 1GiB, cache: 0 }`,
  `runtimeDirectory: ${directory}/run`,
].join('\n');
const log = { error: complain, warn: nothing, info: nothing, debug: nothing };
const config = parseConfig(text, `${directory}/tees.yaml`);
const daemon = new NodeDaemon({ config, self: 'cn0', prover: keyProver(Buffer.from(key, 'hex')), log });
await daemon.start();
// They are on the same host, where this port is taken.
Object.assign(config, { port: Number(childrenPort) });
process.on('SIGTERM', () => void daemon.stop().then(() => process.exit()));
process.send?.('ready');
