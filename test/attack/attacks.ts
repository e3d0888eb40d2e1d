/** The attacks on a private environment, as data: what is tried, from where, and what lets it through when it is left out. */

/** enum weakness of native/environment/settings.h. */
export const WEAKNESSES = { lower: 1, filter: 2, dumpable: 4, places: 8, identity: 16 } as const;
export type Weakness = keyof typeof WEAKNESSES;

/** What the command lines below name. */
export interface Target {
  readonly attacker: string;
  /** Of the node, for its root alone: a file with the secret, its inode and generation, and a program that tells it. */
  readonly secret: string;
  readonly inode: string;
  readonly generation: string;
  readonly program: string;
  /** For another user alone. */
  readonly others: string;
  /** In another user's environment, readable for everybody there. */
  readonly upper: string;
  readonly sockets: string;
  readonly socket: string;
  readonly keeper: string;
  readonly victim: string;
  /** Of the same user, outside. */
  readonly process: string;
  /** An abstract socket of the node, where root listens (judge.c). */
  readonly judge: string;
}

export interface Attack {
  readonly name: string;
  /** As root inside; as a system account inside; or as the attacking user on the node itself. */
  readonly from: 'root inside' | 'account inside' | 'outside';
  /** Of a shell. */
  readonly script: (target: Target) => string;
  /**
   * Without this defence it succeeds. `kernel`: namespaces alone refuse it, which cannot be left out; the node's root, to whom
   * they do not apply, succeeds with it.
   */
  readonly defence: Weakness | 'kernel';
}

const inside = (name: string, defence: Attack['defence'], script: Attack['script']): Attack => ({
  name,
  from: 'root inside',
  defence,
  script,
});

export const ATTACKS: readonly Attack[] = [
  inside(
    'read a file of root’s by every kind of open and link',
    'lower',
    (t) => `${t.attacker} read ${t.secret}`,
  ),
  inside('have a file of root’s copied up', 'lower', (t) => `${t.attacker} copy-up ${t.secret}`),
  inside('read a file of another user’s', 'lower', (t) => `${t.attacker} read ${t.others}`),
  inside('execute what only root may', 'lower', (t) => `${t.attacker} execute ${t.program}`),
  inside(
    'reach it by other mounts, and uncover what mounts cover',
    'kernel',
    (t) => `${t.attacker} mounts ${t.secret}`,
  ),
  inside('open it by its file handle', 'kernel', (t) => `${t.attacker} handle ${t.inode} ${t.generation}`),
  inside('look into PID 1', 'dumpable', (t) => `${t.attacker} trace 1`),
  inside('look into the session’s own supervisor', 'dumpable', (t) => `${t.attacker} trace $PPID`),
  inside('put a key into the kernel', 'filter', (t) => `${t.attacker} keyring`),
  inside('make a user namespace', 'filter', (t) => `${t.attacker} namespace user`),
  inside('make a network namespace', 'filter', (t) => `${t.attacker} namespace net`),
  inside('make a control group namespace', 'filter', (t) => `${t.attacker} namespace cgroup`),
  inside('make namespaces by clone3', 'filter', (t) => `${t.attacker} clone3`),
  inside('make an io_uring', 'filter', (t) => `${t.attacker} io_uring`),
  inside('count events', 'filter', (t) => `${t.attacker} perf`),
  inside('type into a terminal', 'filter', (t) => `${t.attacker} type`),
  inside('make a device and use it', 'kernel', (t) => `cd /opt && ${t.attacker} node`),
  inside(
    'change the kernel’s settings',
    'kernel',
    (t) =>
      `${t.attacker} write /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/modprobe /sys/kernel/uevent_helper`,
  ),
  inside(
    'leave one’s limits, by control groups',
    'kernel',
    (t) =>
      `for one in pids memory; do mkdir -p /opt/$one; mount -t cgroup -o $one none /opt/$one; done 2>/dev/null
       mkdir -p /opt/both; mount -t cgroup2 none /opt/both
       ${t.attacker} write $(find /opt/pids /opt/memory /opt/both /sys/fs/cgroup -name cgroup.procs -o -name pids.max -o -name "memory.*") | head -n 9`,
  ),
  inside('pass for root at an abstract socket', 'kernel', (t) => `${t.attacker} claim ${t.judge}`),
  inside('signal a process outside', 'kernel', (t) => `${t.attacker} kill ${t.process}`),
  inside('the kernel’s log, modules, kexec, accounting', 'kernel', (t) => `${t.attacker} kernel`),
  inside('read another user’s layer by its path', 'places', (t) => `${t.attacker} read ${t.upper}`),
  {
    name: 'read another user’s layer from the node',
    from: 'outside',
    defence: 'places',
    script: (t) => `${t.attacker} read ${t.upper}`,
  },
  {
    name: 'trace one’s own PID 1 from the node',
    from: 'outside',
    defence: 'kernel',
    script: (t) => `for pid in $(pgrep -x tees-keep); do ${t.attacker} trace $pid; done`,
  },
  {
    name: 'have another user’s PID 1 run something',
    from: 'outside',
    defence: 'places',
    script: (t) => `${t.attacker} socket ${t.sockets} ${t.socket}`,
  },
  {
    name: 'ask the keeper in another user’s name',
    from: 'outside',
    defence: 'identity',
    script: (t) => `${t.attacker} forge ${t.keeper} ${t.victim}`,
  },
  {
    name: 'become root inside as a system account',
    from: 'account inside',
    defence: 'identity',
    script: () => '/run/tees-bin/sudo echo GAINED root',
  },
];

export interface NodeAttack extends Pick<Attack, 'name' | 'script'> {
  /** What the node's root does, where the same would be another thing. */
  readonly asRoot?: Attack['script'];
  /** The system call filter stops it, and nothing else need. */
  readonly isFiltered?: boolean;
}

const filtered = (name: string, words: string): NodeAttack => ({
  name,
  isFiltered: true,
  script: (t) => `${t.attacker} ${words}`,
});

const FILTERED: readonly NodeAttack[] = [
  filtered('put a key into the kernel', 'keyring'),
  filtered('make a user namespace', 'namespace user'),
  filtered('make namespaces by clone3', 'clone3'),
  filtered('make an io_uring', 'io_uring'),
  filtered('count events', 'perf'),
  filtered('type into a terminal', 'type'),
];

/** On a compute node the task is the plain user; with a layer of theirs. Each succeeds for the node's root, outside. */
export const NODE_ATTACKS: readonly NodeAttack[] = [
  {
    name: 'read a file of root’s by every kind of open and link',
    script: (t) => `${t.attacker} read ${t.secret}`,
  },
  { name: 'have a file of root’s copied up', script: (t) => `${t.attacker} copy-up ${t.secret}` },
  { name: 'read a file of another user’s', script: (t) => `${t.attacker} read ${t.others}` },
  { name: 'execute what only root may', script: (t) => `${t.attacker} execute ${t.program}` },
  {
    name: 'reach it by other mounts, and uncover what mounts cover',
    script: (t) => `${t.attacker} mounts ${t.secret}`,
  },
  { name: 'open it by its file handle', script: (t) => `${t.attacker} handle ${t.inode} ${t.generation}` },
  {
    name: 'look into PID 1',
    script: (t) => `${t.attacker} trace 1`,
    asRoot: (t) => `${t.attacker} trace ${t.process}`,
  },
  { name: 'make a device and use it', script: (t) => `cd /opt && ${t.attacker} node` },
  {
    name: 'change the kernel’s settings',
    script: (t) =>
      `${t.attacker} write /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/modprobe`,
  },
  { name: 'signal a process outside', script: (t) => `${t.attacker} kill ${t.process}` },
  { name: 'the kernel’s log, modules, kexec, accounting', script: (t) => `${t.attacker} kernel` },
  { name: 'pass for root at an abstract socket', script: (t) => `${t.attacker} claim ${t.judge}` },
  ...FILTERED,
];
