/** Debian's iperf3 on the same loopback: what moving bytes costs that are looked at by nobody. */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { prepareDebianLayer } from '../layers/debian.js';
import { layerDirectories } from '../layers/places.js';

const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu'];
const SECONDS = 3;

/** Of a processor, for 1e9 bytes. */
export interface Cost {
  readonly sending: number;
  readonly receiving: number;
  /** Bytes a second, over all streams. */
  readonly rate: number;
}

export class Iperf {
  private constructor(
    private readonly program: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async prepare(onProgress: (text: string) => void): Promise<Iperf> {
    const layer = await prepareDebianLayer({
      packages: ['iperf3'],
      ...layerDirectories('tools-iperf3'),
      onProgress,
    });
    const libraries = LIBRARIES.map((place) => join(layer.directory, place)).filter((place) =>
      existsSync(place),
    );
    const env = { ...process.env, LD_LIBRARY_PATH: libraries.join(':') };
    return new Iperf(join(layer.directory, 'usr/bin/iperf3'), env);
  }

  async measure(streams: number, port: number): Promise<Cost> {
    const server = spawn(this.program, ['-s', '-1', '-p', String(port)], { env: this.env, stdio: 'ignore' });
    try {
      await sleep(300);
      const words = [
        '-c',
        '127.0.0.1',
        '-p',
        String(port),
        '-P',
        String(streams),
        '-t',
        String(SECONDS),
        '-J',
      ];
      const options = { env: this.env, maxBuffer: 64 << 20 };
      const { stdout } = await promisify(execFile)(this.program, words, options);
      const { end } = JSON.parse(stdout) as {
        end: {
          sum_received: { bytes: number; seconds: number };
          cpu_utilization_percent: { host_total: number; remote_total: number };
        };
      };
      const { bytes, seconds } = end.sum_received;
      const cost = (percent: number): number => ((percent / 100) * seconds) / (bytes / 1e9);
      const { host_total: host, remote_total: remote } = end.cpu_utilization_percent;
      return { sending: cost(host), receiving: cost(remote), rate: bytes / seconds };
    } finally {
      server.kill('SIGKILL');
    }
  }
}
