/**
 * Which proxy nodes are in use by the jobs of this login node. An idle one may be borrowed by a job's tree, is
 * allocated while that job's layer travels, and goes back when it is delivered (paper, section 3.3.2).
 */
export class IdleProxies {
  readonly #users = new Map<string, Set<string>>();

  isIdle(node: string): boolean {
    return !this.#users.has(node);
  }

  allocate(nodes: Iterable<string>, job: string): void {
    for (const node of nodes) {
      const users = this.#users.get(node) ?? new Set();
      users.add(job);
      this.#users.set(node, users);
    }
  }

  release(nodes: Iterable<string>, job: string): void {
    for (const node of nodes) {
      const users = this.#users.get(node);
      users?.delete(job);
      if (users?.size === 0) this.#users.delete(node);
    }
  }
}
