/** What a failed system call means, without the path that the message around it names anyway. */
export function systemReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // Node's own look like this: ENOENT: no such file or directory, open '/etc/tees/cluster.key'
  return message.replace(/^([A-Z0-9]+): (.*?), [a-z]+(?: '.*')?$/s, '$2 ($1)');
}
