/** What the trial `environment` compares, as data, and what is aimed at. */
import { join } from 'node:path';

export interface Tools {
  /** Where Debian's packages are unpacked. */
  readonly directory: string;
  /** tees-enter and its words. */
  readonly enter: readonly string[];
  /** For a shell: stops the environment that `enter` comes into. */
  readonly stop: string;
  /** A directory with a root for Charliecloud and podman: `/usr` is bound into it. */
  readonly image: string;
  /** podman and its words. */
  readonly podman: readonly string[];
}

export interface Way {
  readonly name: string;
  readonly title: string;
  readonly as: 'user' | 'root';
  readonly argv: (command: readonly string[], tools: Tools) => string[];
  /** For a shell, before each time, and not in it. */
  readonly prepare?: (tools: Tools) => string;
  /** It cannot be waited for here, and is only started. */
  readonly detached?: boolean;
}

export const WAYS: readonly Way[] = [
  { name: 'plain', title: 'the command alone', as: 'user', argv: (command) => [...command] },
  {
    name: 'start',
    title: 'TEES, to be started',
    as: 'user',
    argv: (command, { enter }) => [...enter, '--', ...command],
    prepare: ({ stop }) => stop,
  },
  {
    name: 'join',
    title: 'TEES, that runs',
    as: 'user',
    argv: (command, { enter }) => [...enter, '--', ...command],
  },
  {
    name: 'bwrap',
    title: 'bubblewrap',
    as: 'user',
    argv: (command, { directory }) => [
      join(directory, 'usr/bin/bwrap'),
      ...['--unshare-user', '--uid', '0', '--gid', '0', '--unshare-pid', '--unshare-ipc', '--unshare-uts'],
      ...['--bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/run', '--', ...command],
    ],
  },
  {
    name: 'ch-run',
    title: 'Charliecloud',
    as: 'user',
    argv: (command, { directory, image }) => [
      join(directory, 'usr/bin/ch-run'),
      ...['-b', '/usr:/usr', image, '--', ...command],
    ],
  },
  {
    name: 'podman',
    title: 'podman (root, -d)',
    as: 'root',
    argv: (command, { podman, image }) => [
      ...podman,
      ...['run', '-d', '--network', 'host', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'],
      ...['--log-driver', 'none', '-v', '/usr:/usr:ro', '--rootfs', image, ...command],
    ],
    detached: true,
  },
];

/** What is measured inside. */
export const INSIDE: readonly string[] = ['plain', 'join', 'bwrap', 'ch-run'];

export const AIMS = { startOverBwrap: 1.5 } as const;
