/** The keeper, its peers and the small programs that measure, ready to be used by an unprivileged user. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TeesError } from '../../src/base/errors.js';
import { enterPath } from '../../src/base/native.js';
import { askKeeper } from '../../src/cli/ask-keeper.js';
import { EnvironmentKeeper } from '../../src/login/environment-keeper.js';
import { prepareDebianLayer } from '../layers/debian.js';
import { layerDirectories } from '../layers/places.js';
import type { TrialContext } from '../trial.js';
import type { Tools, Way } from './ways.js';

const PACKAGES = ['bubblewrap', 'charliecloud-runtime', 'podman', 'runc', 'conmon'];
const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu'];
const SOURCES = fileURLToPath(new URL('../../../bench/environment/', import.meta.url));
/** A system account: it is there, and has a name. */
export const USER = { name: 'games', uid: 5, gid: 60 };
const DEADLINE_MS = 120_000;

export class Stand {
  private constructor(
    readonly directory: string,
    readonly tools: Tools,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async prepare(context: TrialContext): Promise<Stand> {
    const { cleanup } = context;
    const say = (text: string): void => context.say(text);
    const options = { packages: PACKAGES, ...layerDirectories('tools-sandboxes') };
    const layer = await prepareDebianLayer({ ...options, onProgress: say });
    const directory = mkdtempSync(join(tmpdir(), 'tees-environment-'));
    chmodSync(directory, 0o755);
    cleanup.push('the directory', () => rmSync(directory, { recursive: true, force: true }));
    const libraries = LIBRARIES.map((place) => join(layer.directory, place)).join(':');
    for (const name of ['timer', 'inside'])
      execFileSync('gcc', ['-O2', '-D_GNU_SOURCE', '-o', join(directory, name), join(SOURCES, `${name}.c`)]);
    const keeper = new EnvironmentKeeper({
      environments: {
        directory: join(directory, 'kept'),
        bind: ['/tmp'],
        ids: { first: 0x6000_0000, count: 0x1000_0000 },
      },
      runtimeDirectory: directory,
      log: { error: say, warn: say, info: () => {}, debug: () => {} },
    });
    await keeper.start();
    cleanup.push('the keeper', () => keeper.stop());
    const socket = join(directory, 'environments.sock');
    const stop = join(directory, 'stop');
    // As the user would, without the time that Node takes.
    writeFileSync(stop, stopScript(socket), { mode: 0o755 });
    cleanup.push(
      'the environment',
      async () => void (await askKeeper(socket, [`user=${USER.uid}`, 'stop', 'default'])),
    );
    const tools: Tools = {
      directory: layer.directory,
      enter: [enterPath(), '--socket', socket],
      stop,
      image: makeImage(directory),
      podman: podmanIn(directory, layer.directory, libraries),
    };
    cleanup.push('podman', () => leavePodman(directory, tools));
    const env = { ...process.env, LD_LIBRARY_PATH: libraries, USER: USER.name, HOME: '/tmp' };
    return new Stand(directory, tools, env);
  }

  /** Microseconds, each time. @throws TeesError TRIAL_FAILED */
  async time(way: Way, command: readonly string[], count: number): Promise<number[]> {
    const prepare = way.prepare?.(this.tools);
    const words = [String(count), ...(prepare === undefined ? [] : [prepare])];
    const out = await this.#run(way, [
      join(this.directory, 'timer'),
      ...words,
      '--',
      ...way.argv(command, this.tools),
    ]);
    // podman says a name, too.
    return out
      .split('\n')
      .filter((line) => /^\d+\.\d$/.test(line))
      .map(Number);
  }

  /** Files looked at, and small ones read, in a second. */
  async inside(way: Way, files: string, count: number): Promise<{ stats: number; reads: number }> {
    const command = [join(this.directory, 'inside'), files, String(count)];
    const [stats = NaN, reads = NaN] = (await this.#run(way, way.argv(command, this.tools)))
      .split(' ')
      .map(Number);
    return { stats, reads };
  }

  async #run(way: Way, argv: readonly string[]): Promise<string> {
    const [program = '', ...words] = argv;
    const who = way.as === 'user' ? { uid: USER.uid, gid: USER.gid } : {};
    try {
      const options = { ...who, env: this.env, cwd: '/', timeout: DEADLINE_MS };
      return (await promisify(execFile)(program, words, options)).stdout;
    } catch (error) {
      const { stderr = '', message } = error as { stderr?: string; message: string };
      throw new TeesError('TRIAL_FAILED', `${way.title}: ${(stderr || message).trim().split('\n').at(-1)}`);
    }
  }
}

/** One message on a socket; what comes is read to its end, which is when nothing of the environment is left. */
function stopScript(socket: string): string {
  const code = `import socket,struct
s=socket.socket(socket.AF_UNIX);s.connect("${socket}")
b=b"stop\\0default\\0";s.sendall(struct.pack("<I",len(b))+b)
while s.recv(4096):pass`;
  return `#!/bin/sh\nexec /usr/bin/python3 -c '${code}'\n`;
}

/** A root that has nothing but names. */
function makeImage(directory: string): string {
  const image = join(directory, 'image');
  for (const name of ['usr', 'etc', 'dev', 'proc', 'sys', 'tmp', 'home', 'root', 'var', 'run', 'mnt', 'opt'])
    mkdirSync(join(image, name), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(image, name));
  for (const name of ['passwd', 'group', 'hosts', 'resolv.conf']) writeFileSync(join(image, 'etc', name), '');
  return image;
}

/** It gives its helpers an environment of its own: theirs is in scripts. */
function podmanIn(directory: string, packages: string, libraries: string): string[] {
  const helper = (name: string, program: string): string => {
    const path = join(directory, name);
    writeFileSync(path, `#!/bin/sh\nLD_LIBRARY_PATH=${libraries} exec ${join(packages, program)} "$@"\n`, {
      mode: 0o755,
    });
    return path;
  };
  const [conmon, runc] = [helper('conmon', 'usr/bin/conmon'), helper('runc', 'usr/sbin/runc')];
  const places = ['root', 'run', 'tmp'].map((name) => join(directory, 'podman', name)) as [
    string,
    string,
    string,
  ];
  return [
    join(packages, 'usr/bin/podman'),
    ...['--root', places[0], '--runroot', places[1], '--tmpdir', places[2]],
    ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'none', '--conmon', conmon, '--runtime', runc],
  ];
}

function leavePodman(directory: string, { podman }: Tools): void {
  const [program = '', ...words] = podman;
  try {
    execFileSync(program, [...words, 'rm', '-af', '-t', '0'], { stdio: 'ignore', timeout: DEADLINE_MS });
  } catch {
    // It has never run, then.
  }
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const path of mounts.filter((one) => one.startsWith(join(directory, 'podman/'))).reverse())
    execFileSync('umount', ['-l', path], { stdio: 'ignore' });
}
