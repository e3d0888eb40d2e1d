/** The kernel's settings under which a blocking hook over FUSE cannot work. */
import { readFileSync } from 'node:fs';
import { TeesError } from '../base/errors.js';

const SETTINGS_DIRECTORY = '/proc/sys/fs/fuse';

export interface RequestTimeout {
  readonly name: string;
  /** 0: none. */
  readonly seconds: number;
}

/**
 * With a request timeout the kernel aborts the whole connection as soon as one open has waited that long
 * (Documentation/admin-guide/sysctl/fs.rst, /proc/sys/fs/fuse).
 */
export function requestTimeouts(directory = SETTINGS_DIRECTORY): RequestTimeout[] {
  return ['default_request_timeout', 'max_request_timeout'].map((name) => ({
    name,
    seconds: readSetting(`${directory}/${name}`),
  }));
}

/** @throws TeesError HOOK_UNAVAILABLE */
export function refuseRequestTimeouts(directory = SETTINGS_DIRECTORY): void {
  for (const { name, seconds } of requestTimeouts(directory)) {
    if (seconds > 0)
      throw new TeesError(
        'HOOK_UNAVAILABLE',
        `fs.fuse.${name} is ${seconds}: the kernel would end every FUSE mount on which a read waits ${seconds} s`,
        { path: `${directory}/${name}`, hint: `As root: sysctl -w fs.fuse.${name}=0` },
      );
  }
}

function readSetting(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8').trim());
  } catch {
    return 0; // Kernels before 6.15 have none.
  }
}
