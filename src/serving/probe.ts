/** What this node can, found out by trying (native/serve/probe.h) and by reading the kernel's settings. */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { getSystemErrorMap, promisify } from 'node:util';
import { SERVE_START_DEADLINE_MS } from '../base/limits.js';
import { servePath } from '../base/native.js';
import { requestTimeouts } from './fuse-settings.js';

/** errno by what was tried; 0 for what works. */
export type Attempts = Readonly<Record<'device' | 'mount' | 'backing' | 'resend' | 'data', number>>;

export interface ProbeResult {
  readonly name: string;
  readonly ok: boolean;
  readonly value: string;
  /** What it is good for, or what happens without it, in a sentence. */
  readonly explanation: string;
}

const NOTHING_TRIED = 38; // ENOSYS

const EXPLANATIONS: readonly [name: keyof Attempts, title: string, with_: string, without: string][] = [
  [
    'device',
    '/dev/fuse',
    'The fuse hook can be used.',
    'The fuse hook cannot be used: modprobe fuse, or let the container have /dev/fuse.',
  ],
  [
    'mount',
    'FUSE mounts',
    'The serving process can mount what is still on its way.',
    'The fuse hook cannot be used: it takes root and Linux 5.2.',
  ],
  [
    'backing',
    'FUSE passthrough',
    'Files that were opened before they arrived are read at native speed, and cached once.',
    'Files that were opened before they arrived are read through the serving process, and cached twice: passthrough needs Linux 6.9, and a store on no stacked file system.',
  ],
  [
    'resend',
    'FUSE resend',
    'The serving process may be killed: another takes over, and no open fails.',
    'When the serving process is killed, opens that wait fail: taking over needs Linux 6.9.',
  ],
  [
    'data',
    'data-only layers',
    'The layout data-only is used: metadata never meet FUSE.',
    'The layout stacked is used: the first lookup of a file on its way asks the serving process. data-only needs Linux 6.5.',
  ],
];

const known = new Map<string, Promise<Attempts>>();

/** Tried once for a directory; the store's lies where contents will. Never rejects: what cannot be tried, fails. */
export function attempt(directory = tmpdir()): Promise<Attempts> {
  let attempts = known.get(directory);
  if (!attempts) known.set(directory, (attempts = runProbe(directory)));
  return attempts;
}

export async function probeNode(directory?: string): Promise<ProbeResult[]> {
  const attempts = await attempt(directory);
  const tried = EXPLANATIONS.map(([name, title, with_, without]): ProbeResult => {
    const errno = attempts[name];
    return {
      name: title,
      ok: errno === 0,
      value: describe(errno),
      explanation: errno === 0 ? with_ : without,
    };
  });
  return [...tried, timeouts()];
}

async function runProbe(directory: string): Promise<Attempts> {
  try {
    const options = { timeout: SERVE_START_DEADLINE_MS, killSignal: 'SIGKILL' } as const;
    const { stdout } = await promisify(execFile)(servePath(), ['probe', directory], options);
    return readAttempts(stdout);
  } catch {
    return readAttempts('');
  }
}

/** Pure. */
export function readAttempts(line: string): Attempts {
  const errnos = new Map([...line.matchAll(/(\w+)=(\d+)/g)].map(([, name, errno]) => [name, Number(errno)]));
  const of = (name: keyof Attempts): number => errnos.get(name) ?? NOTHING_TRIED;
  return {
    device: of('device'),
    mount: of('mount'),
    backing: of('backing'),
    resend: of('resend'),
    data: of('data'),
  };
}

function describe(errno: number): string {
  if (errno === 0) return 'yes';
  const [name = String(errno), text = ''] = getSystemErrorMap().get(-errno) ?? [];
  return `no (${name}: ${text})`;
}

function timeouts(): ProbeResult {
  const set = requestTimeouts().filter(({ seconds }) => seconds > 0);
  const value = set.map(({ name, seconds }) => `fs.fuse.${name}=${seconds}`).join(', ') || 'none';
  const explanation =
    set.length === 0
      ? 'A read may wait as long as it takes.'
      : `The fuse hook cannot be used: the kernel would end every mount on which a read waits. As root: sysctl -w ${set.map(({ name }) => `fs.fuse.${name}=0`).join(' ')}`;
  return { name: 'FUSE request timeouts', ok: set.length === 0, value, explanation };
}
