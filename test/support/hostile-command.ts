/** A login daemon by itself, and commands that say to it whatever a test wants them to say, as whom it wants. */
import type { ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { askDaemon } from '../../src/cli/ask-daemon.js';
import { parseConfig } from '../../src/config/parse.js';
import { LoginDaemon, SOCKET_NAME } from '../../src/login/daemon.js';
import type { RunRequest } from '../../src/wire/api.js';
import { encodeRun } from '../../src/wire/api.js';
import { FrameDecoder } from '../../src/wire/frame.js';
import type { Header } from '../../src/wire/frame.js';
import type { JobStatus } from '../../src/wire/jobs.js';
import { keyProver } from '../../src/wire/authentication.js';

export const NOBODY = 65534;

/** Sends standard input to a socket, prints what comes back. */
const RELAY = `const socket = require('node:net').connect(process.argv[1]);
  socket.on('error', () => {});
  process.stdin.pipe(socket, { end: false });
  process.stdin.on('end', () => process.argv[2] === 'end' && socket.end());
  socket.pipe(process.stdout);`;

export interface LoginOptions {
  readonly port?: number;
  readonly key?: Buffer;
  readonly requestDeadlineMs?: number;
  readonly commandsPerUserMax?: number;
}

export class LoneLogin {
  readonly log: string[] = [];
  readonly key: Buffer;
  #daemon: LoginDaemon | undefined;

  private constructor(
    readonly directory: string,
    key: Buffer = randomBytes(32),
  ) {
    this.key = key;
  }

  /** Its nodes are cn0 to cn3, at 127.0.0.1 to 127.0.0.4. */
  static async start(t: ExecutionContext, directory: string, options: LoginOptions = {}): Promise<LoneLogin> {
    const { port = 1, key, ...limits } = options;
    const login = new LoneLogin(directory, key);
    const text = [
      'cluster: lone',
      'login: { name: login }',
      'groups: [{ proxy: cn0, slaves: "cn[1-3]" }]',
      'addresses: { login: 127.0.0.1, "cn[0-3]": "127.0.0.[1-4]" }',
      `port: ${port}`,
      `store: { directory: ${directory}/store, size: 64MiB }`,
      `runtimeDirectory: ${directory}/run`,
    ].join('\n');
    const say = (line: string): void => void login.log.push(line);
    const config = parseConfig(text, `${directory}/tees.yaml`);
    const log = { error: say, warn: say, info: say, debug: () => {} };
    login.#daemon = new LoginDaemon({ config, prover: keyProver(login.key), log, ...limits });
    chmodSync(directory, 0o755);
    await login.#daemon.start();
    t.teardown(() => login.#daemon?.stop());
    return login;
  }

  get socket(): string {
    return `${this.directory}/run/${SOCKET_NAME}`;
  }

  /** As root sees them. */
  async jobs(): Promise<JobStatus[]> {
    const { body } = await askDaemon(this.socket, { t: 'status' });
    return JSON.parse(body.toString()) as JobStatus[];
  }

  /** What the daemon has answered when it has hung up. */
  ask(bytes: Buffer, uid = 0, end: 'end' | 'wait' = 'wait'): Promise<Header[]> {
    const identity = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
    const words = [...identity, process.execPath, '-e', RELAY, this.socket, end];
    const child = spawn('setpriv', words, { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] });
    const answers: Header[] = [];
    const decoder = new FrameDecoder();
    child.stdout.on('data', (part: Buffer) => {
      for (const { header } of decoder.push(part)) answers.push(header);
    });
    child.stdin.on('error', () => {});
    child.stdin.end(bytes);
    return new Promise((resolve) => child.once('close', () => resolve(answers)));
  }
}

export function runRequest(upper: string, more: Partial<RunRequest> = {}): Header {
  return encodeRun({
    nodes: 'cn0',
    argv: ['true'],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    upper,
    urgent: [],
    method: 'auto',
    complete: false,
    demand: true,
    learn: false,
    ...more,
  });
}

/** The error that a command ended with. */
export function errorOf(answers: readonly Header[]): { code: string; message: string; path?: string } {
  const over = answers.find(({ t }) => t === 'over');
  return (over?.['error'] ?? { code: 'NONE', message: JSON.stringify(answers) }) as {
    code: string;
    message: string;
  };
}
