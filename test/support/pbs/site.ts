/**
 * A site with PBS, as far as TEES sees of it: a qstat that tells what it is told, pbs_mom's part in starting a task (mom.py), and
 * tees-task with its capabilities. PBS itself is no package of Debian's.
 */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { taskPath } from '../../../src/base/native.js';
import type { EmbeddedCluster } from '../../../src/emulator/cluster.js';
import { StateDirectory } from '../../../src/emulator/state-directory.js';
import { runAs } from '../environments.js';
import type { Outcome, Person } from '../environments.js';

const ROOT = { name: 'root', uid: 0, gid: 0 };
/** Python is not compiled: it stays with the sources. */
const HERE = dirname(fileURLToPath(import.meta.url)).replace(/\/build\/test\//, '/test/');
export const HOOK = join(HERE, '../../../hooks/pbs/tees.py');
/** cap_sys_admin, cap_sys_chroot, cap_sys_ptrace, cap_setpcap: permitted, and not in effect (linux/capability.h). */
const CAPABILITIES = (1 << 21) | (1 << 18) | (1 << 19) | (1 << 8);

export interface PbsTask {
  readonly job: string;
  /** `qsub -l tees=`. */
  readonly tees?: string;
  readonly person: Person;
  readonly isFirst?: boolean;
  readonly program: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of the hook, instead of those that fit. */
  readonly settings?: string;
  /** What the program reads. */
  readonly input?: string;
}

/** As `qstat -f -F json` of OpenPBS 23 has it, but for what is of no interest here. */
export function running(person: Person, nodes: readonly string[]): Record<string, unknown> {
  return {
    Job_Name: 'job.sh',
    Job_Owner: `${person.name}@login`,
    job_state: 'R',
    queue: 'workq',
    server: 'login',
    exec_host: nodes.map((node) => `${node}.cluster.example/0*4`).join('+'),
    exec_vnode: nodes.map((node) => `(${node}:ncpus=4)`).join('+'),
    Resource_List: { ncpus: 8, nodect: nodes.length, tees: 'default' },
    euser: person.name,
  };
}

export class PbsSite {
  readonly #bin: string;
  readonly task: string;

  /** @param scratch in which it is; everybody can look into it */
  constructor(private readonly scratch: string) {
    this.#bin = join(scratch, 'pbs/bin');
    this.task = join(scratch, 'tees-task');
    chmodSync(scratch, 0o755);
    mkdirSync(this.#bin, { recursive: true });
    writeFileSync(
      join(scratch, 'pbs.conf'),
      `PBS_SERVER=login\nPBS_EXEC=${scratch}/pbs\nPBS_HOME=/var/spool/pbs\n`,
    );
    copyFileSync(join(HERE, 'qstat.py'), join(this.#bin, 'qstat'));
    chmodSync(join(this.#bin, 'qstat'), 0o755);
    this.know({});
    process.env['PBS_CONF_FILE'] = join(scratch, 'pbs.conf');
  }

  /** Its file gets what an administrator gives it with setcap. */
  async install(): Promise<void> {
    copyFileSync(taskPath(), this.task);
    chmodSync(this.task, 0o755);
    const value = Buffer.alloc(20);
    value.writeUInt32LE(0x0200_0000, 0);
    value.writeUInt32LE(CAPABILITIES, 4);
    const script =
      'import os, sys; os.setxattr(sys.argv[1], "security.capability", bytes.fromhex(sys.argv[2]))';
    const { status, stderr } = await runAs(ROOT, 'python3', ['-c', script, this.task, value.toString('hex')]);
    if (status !== 0) throw new Error(stderr);
  }

  /** A program of PBS's that users have. */
  addProgram(name: string, text: string): string {
    writeFileSync(join(this.#bin, name), text, { mode: 0o755 });
    return this.#bin;
  }

  /** What qstat says from now on. */
  know(jobs: Readonly<Record<string, Readonly<Record<string, unknown>>>>): void {
    writeFileSync(join(this.#bin, 'jobs.json'), JSON.stringify(jobs));
  }

  /** As pbs_mom of that node. */
  async launch(cluster: EmbeddedCluster, node: string, task: PbsTask): Promise<Outcome> {
    return this.#mom(cluster, node, 'launch', task);
  }

  async end(cluster: EmbeddedCluster, node: string, task: PbsTask): Promise<Outcome> {
    return this.#mom(cluster, node, 'end', task);
  }

  async #mom(cluster: EmbeddedCluster, node: string, event: string, task: PbsTask): Promise<Outcome> {
    const name = join(this.scratch, `${node}-${event}-${Math.random()}`);
    const { runtime } = new StateDirectory(cluster.stateDirectory).node(node);
    writeFileSync(
      `${name}.settings`,
      JSON.stringify({ task: this.task, socket: join(runtime, 'tasks.sock') }),
    );
    const { person, isFirst = true, env = {}, input = '', ...rest } = task;
    const told = {
      settings: `${name}.settings`,
      ...rest,
      isMs: isFirst,
      uid: person.uid,
      gid: person.gid,
      directory: '/tmp',
    };
    const variables = { PATH: '/usr/local/bin:/usr/bin:/bin', PBS_JOBID: task.job, ...env };
    writeFileSync(`${name}.task`, JSON.stringify({ ...told, env: variables }));
    writeFileSync(`${name}.input`, input);
    const mom = `exec /usr/bin/python3 ${join(HERE, 'mom.py')} ${HOOK} ${event} ${name}.task <${name}.input`;
    const { status, stdout, stderr } = await cluster.exec(node, ['sh', '-c', mom]);
    return { status, stdout, stderr };
  }
}
