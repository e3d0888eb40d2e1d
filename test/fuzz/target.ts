/**
 * What is attacked: a node's daemon and a login daemon, real and listening, in a process of their own that tells how much
 * it holds. Arguments: a directory, the cluster key in hexadecimal, the port.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { parseConfig } from '../../src/config/parse.js';
import { LoginDaemon } from '../../src/login/daemon.js';
import { NodeDaemon } from '../../src/node/daemon.js';
import { keyProver } from '../../src/wire/authentication.js';

export interface Holdings {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly descriptors: number;
}

const [directory = '', key = '', port = ''] = process.argv.slice(2);
const say = (): void => {};
const log = { error: say, warn: say, info: say, debug: say };

function configuration(of: string): ReturnType<typeof parseConfig> {
  for (const name of ['store', 'run']) mkdirSync(`${of}/${name}`, { recursive: true });
  const lines = [
    'cluster: lone',
    'login: { name: login }',
    'groups: [{ proxy: cn0, slaves: "cn[1-3]" }]',
    'addresses: { login: 127.0.0.1, "cn[0-3]": "127.0.0.[1-4]" }',
    `port: ${port}`,
    `store: { directory: ${of}/store, size: 64MiB, cache: 8MiB }`,
    `runtimeDirectory: ${of}/run`,
  ];
  return parseConfig(lines.join('\n'), `${of}/tees.yaml`);
}

const prover = keyProver(Buffer.from(key, 'hex'));
const node = new NodeDaemon({ config: configuration(`${directory}/node`), self: 'cn0', prover, log });
const login = new LoginDaemon({ config: configuration(`${directory}/login`), prover, log });
await node.start();
await login.start();

function holdings(): Holdings {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rssBytes: rss, heapBytes: heapUsed, descriptors: readdirSync('/proc/self/fd').length };
}

process.on('message', (message) => {
  if (message === 'end') void Promise.all([node.stop(), login.stop()]).then(() => process.exit());
  else process.send?.(holdings());
});
process.send?.('ready');
