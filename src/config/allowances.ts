/** What tasks may ask the kernel for only where an administrator allows it by name; native/launch/filter.c has the same. */
export const ALLOWANCES = ['bpf', 'io-uring', 'keyrings', 'namespaces', 'perf', 'userfaultfd'] as const;
export type Allowance = (typeof ALLOWANCES)[number];
