/** Figures of a daemon by HTTP, for whoever watches the cluster. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { TeesError } from '../base/errors.js';
import type { Config } from '../config/config.js';
import { METRICS_TYPE, metricsText } from '../base/metrics.js';
import type { Metric } from '../base/metrics.js';

const REQUEST_DEADLINE_MS = 5_000;
const CONNECTIONS_MAX = 16;

export interface Measured {
  metrics(): readonly Metric[];
}

function ofProcess(): Metric[] {
  const { user, system } = process.cpuUsage();
  return [
    {
      name: 'process_cpu_seconds_total',
      kind: 'counter',
      help: 'Processor time of the daemon.',
      value: (user + system) / 1e6,
    },
    {
      name: 'process_resident_memory_bytes',
      kind: 'gauge',
      help: 'Memory of the daemon.',
      value: process.memoryUsage.rss(),
    },
    { name: 'process_uptime_seconds', kind: 'gauge', help: 'Since its start.', value: process.uptime() },
  ];
}

/** Resolves when it listens. @throws TeesError LISTEN_FAILED */
export async function serveMetrics(
  { host, port }: NonNullable<Config['metrics']>,
  daemon: Measured,
  labels: { readonly role: string; readonly node: string },
): Promise<Server> {
  const server = createServer((request, response) => {
    const isKnown = request.url === '/metrics' && (request.method === 'GET' || request.method === 'HEAD');
    if (!isKnown) return void response.writeHead(404, { connection: 'close' }).end('GET /metrics\n');
    response.writeHead(200, { 'content-type': METRICS_TYPE });
    response.end(metricsText([...daemon.metrics(), ...ofProcess()], labels));
  });
  server.requestTimeout = server.headersTimeout = REQUEST_DEADLINE_MS;
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new TeesError('LISTEN_FAILED', `cannot serve metrics at ${host}:${port}: ${cause.message}`, {
          cause,
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  server.on('error', () => {});
  // It is no reason to go on.
  server.unref();
  return server;
}
