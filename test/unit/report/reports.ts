/** A report to vary: two nodes, everything went well, one read waited on each. */
import type { Report } from '../../../src/report/report.js';

export const REPORT: Report = {
  schema: 1,
  job: 'j-1',
  command: ['python3', 'solve.py'],
  method: 'p2p',
  plan: { shape: '2-2-1', predicted: 7.9, bound: 7.84, achieved: 9.7 },
  hook: 'fuse',
  engine: 'fuse-native',
  layout: 'stacked',
  nodes: ['cn0', 'cn1'],
  borrowed: [],
  lost: [],
  losses: [],
  files: { total: 1000, urgent: 10, hysteretic: 990 },
  bytes: {
    manifest: 1_000_000,
    urgent: 9_000_000,
    hysteretic: 90_000_000,
    sent: 200_000_000,
    reused: 0,
    uplinkIn: 202_000_000,
    uplinkOut: 1000,
  },
  uplinks: [
    { group: 'g0', proxy: 'cn0', inBytes: 102_000_000, outBytes: 500 },
    { group: 'g1', proxy: 'cn1', inBytes: 100_000_000, outBytes: 500 },
  ],
  timeline: { urgentDelivered: 1, launched: 1.2, firstRead: 3, hystereticDelivered: 10, exited: 8 },
  perNode: {
    cn0: { urgentDelivered: 0.9, launched: 1, firstRead: 2.5, hystereticDelivered: 9, exited: 6 },
    cn1: { urgentDelivered: 1, launched: 1.2, firstRead: 3, hystereticDelivered: 10, exited: 8 },
  },
  tasks: {
    cn0: { ran: 5, waited: 0.5, waits: 1, first: { path: '/usr/lib/liblapack.so.3', at: 1, seconds: 0.5 } },
    cn1: {
      ran: 6.8,
      waited: 1.5,
      waits: 1,
      first: { path: '/usr/lib/libopenblas.so.0', at: 0.3, seconds: 1.5 },
    },
  },
  blocked: [
    { node: 'cn1', path: '/usr/lib/libopenblas.so.0', at: 0.3, seconds: 1.5 },
    { node: 'cn0', path: '/usr/lib/liblapack.so.3', at: 1, seconds: 0.5 },
  ],
  exit: { cn0: 0, cn1: 0 },
  errors: [],
};
