/** What attacks are after, on the file system of `/`, where neither environments nor jobs show the node's own; and how. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compile } from '../support/compile.js';
import type { Person } from '../support/environments.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import type { Target } from './attacks.js';

const SECRET = 'TEES-SECRET\n';
/** Sources. */
export const ATTACKER = ['test/attack/attacker.c', 'test/attack/requests.c'];
const MODES: Readonly<Record<string, number>> = { secret: 0o600, program: 0o700, others: 0o600 };

export type Prize = Pick<
  Target,
  'attacker' | 'secret' | 'inode' | 'generation' | 'program' | 'others' | 'process' | 'judge'
>;

export class Ground {
  readonly directory = mkdtempSync('/var/tmp/tees-attack-');
  #attacker = '';
  readonly judge = `tees-judge-${process.pid}`;
  #sleeper: ChildProcess | undefined;
  #judging: ChildProcess | undefined;

  constructor() {
    chmodSync(this.directory, 0o755);
  }

  async lay(attacker: Person, victim: Person): Promise<Prize> {
    // Shown inside, by every configuration of these tests.
    const directory = temporaryDirectory('attacker');
    chmodSync(directory, 0o755);
    this.#attacker = join(directory, 'attacker');
    await compile(this.#attacker, ATTACKER);
    for (const name of Object.keys(MODES))
      writeFileSync(this.#path(name), name === 'program' ? `#!/bin/sh\necho ${SECRET}` : SECRET);
    chownSync(this.#path('others'), victim.uid, victim.gid);
    this.#protect();
    mkdirSync(join(this.directory, 'opt'));
    const { uid, gid } = attacker;
    this.#sleeper = spawn('sleep', ['600'], { uid, gid, stdio: 'ignore' });
    await compile(this.judgeProgram, ['test/attack/judge.c']);
    this.#judging = spawn(this.judgeProgram, [this.judge], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(this.#judging.stdout!, 'data');
    const secret = this.#path('secret');
    const [generation = '0'] = execFileSync('lsattr', ['-v', secret]).toString().trim().split(/\s+/);
    return {
      ...{ attacker: this.#attacker, secret, generation },
      ...{ program: this.#path('program'), others: this.#path('others') },
      ...{ inode: String(statSync(secret).ino), process: String(this.#sleeper.pid) },
      judge: this.judge,
    };
  }

  /** As the node's root, to whom no namespace applies, but for mounts. */
  asRoot(script: string): string {
    const all = `mount -t tmpfs none /opt; ${script}`;
    try {
      return execFileSync('unshare', ['-m', '--propagation', 'private', 'sh', '-c', all]).toString();
    } finally {
      // To root nothing is refused: it has changed them.
      this.#protect();
    }
  }

  get judgeProgram(): string {
    return this.#path('judge');
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  #protect(): void {
    for (const [name, mode] of Object.entries(MODES)) chmodSync(this.#path(name), mode);
  }

  clear(): void {
    this.#sleeper?.kill();
    this.#judging?.kill();
    execFileSync('rm', ['-rf', this.directory, ...(this.#attacker ? [dirname(this.#attacker)] : [])]);
  }
}
