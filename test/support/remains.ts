/** What jobs have left on the nodes of a cluster: directories, mounts, tasks. Nothing, it should be. */
import type { EmbeddedCluster } from '../../src/emulator/cluster.js';

const DEADLINE_MS = 8_000;

/** On nodes whose daemons live. */
export async function remainsOf(cluster: EmbeddedCluster, nodes = cluster.nodes): Promise<string[]> {
  const found = await Promise.all(nodes.map((node) => remainsOn(cluster, node)));
  return found.flat();
}

async function remainsOn(cluster: EmbeddedCluster, node: string): Promise<string[]> {
  const jobs = `${cluster.stateDirectory}/nodes/${node}/store/jobs`;
  const script = `
    ls -A "$1" | sed 's/^/directory /'
    grep -F " \${1%/jobs}/" /proc/self/mountinfo | sed 's/^/mount /'
    grep -lz "^TEES_NODE=$2" /proc/[0-9]*/environ 2>/dev/null | sed 's/^/task /'
    for task in /proc/[0-9]*; do
      grep -qxE 'Name:.tees-(launch|serve|keep|storage)' "$task/status" 2>/dev/null &&
        [ "$(readlink $task/ns/net)" = "$(readlink /proc/self/ns/net)" ] && echo "helper $task"
    done; true`;
  const { stdout } = await cluster.exec(node, ['sh', '-c', script, 'sh', jobs, node]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${node}: ${line}`);
}

/** What is left after a while in which it may go. */
export async function remainsAfterAWhile(cluster: EmbeddedCluster, nodes = cluster.nodes): Promise<string[]> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await remainsOf(cluster, nodes);
    if (found.length === 0 || Date.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
