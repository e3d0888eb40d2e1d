/** The programs that stand for daemons and applications where only the cluster around them is tested. */
import { nodeCommand } from '../../src/emulator/options.js';

export function supportScript(name: string): string {
  return new URL(`./${name}.js`, import.meta.url).pathname;
}

export function dummyDaemon(...argv: string[]): string[] {
  return [...nodeCommand(supportScript('dummy-daemon')), ...argv];
}

/** The command that sends to a node's dummy daemon and prints what that has counted. */
export function sendBytes(address: string, bytes: number): string[] {
  return [process.execPath, supportScript('send-bytes'), address, String(bytes)];
}
