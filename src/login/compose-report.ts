/** The report of a job from what the login node has gathered. Pure. */
import type { ErrorRecord } from '../base/errors.js';
import type { UncoveredProgram } from '../planning/uncovered.js';
import { REPORT_SCHEMA } from '../report/report.js';
import type { BlockedRead, Loss, Report, Timeline, TreePlanUse, UplinkUse } from '../report/report.js';
import type { JobSpec } from '../wire/job.js';
import type { Account } from '../wire/account.js';
import type { ServingAccount } from '../wire/messages.js';
import type { Deployment } from './deployment.js';
import { observedReads } from './observed-reads.js';
import type { TimelineKeeper } from './timeline.js';

const UNCOVERED_LISTED_MAX = 100;
const BLOCKED_READS_MAX = 10_000;

export interface ReportInput {
  readonly spec: Omit<JobSpec, 'subtree'>;
  readonly deployment: Deployment;
  readonly timeline: TimelineKeeper;
  /** By the nodes where the command was launched. */
  readonly serving: readonly ServingAccount[];
  readonly exits: ReadonlyMap<string, number>;
  /** Those that were to run the command, and of these who was not lost. */
  readonly nodes: readonly string[];
  readonly present: readonly string[];
  readonly lost: readonly string[];
  readonly losses: readonly Loss[];
  readonly accounts: readonly Account[];
  readonly errors: readonly ErrorRecord[];
  readonly bytesSent: number;
}

export function composeReport(input: ReportInput): Report {
  const { spec, deployment, timeline } = input;
  const uplinks = uplinkUses(input.accounts, deployment);
  const contents = deployment.source.manifest.contents.length;
  return {
    schema: REPORT_SCHEMA,
    job: spec.job,
    command: spec.argv,
    method: deployment.method,
    plan: { ...deployment.plan, ...achieved(timeline.overall(deployment.nodes)) },
    hook: usedBy(input.serving, 'hook', spec.hook),
    engine: usedBy(input.serving, 'engine', spec.fuseEngine),
    layout: usedBy(input.serving, 'layout', spec.layout),
    nodes: input.nodes,
    borrowed: deployment.tree.borrowed,
    lost: input.lost,
    losses: input.losses,
    files: {
      total: contents,
      urgent: deployment.split.urgentCount,
      hysteretic: contents - deployment.split.urgentCount,
    },
    bytes: {
      manifest: deployment.document.sizeBytes,
      urgent: deployment.urgentBytes,
      hysteretic: deployment.hystereticBytes,
      sent: input.bytesSent,
      reused: input.accounts.reduce((sum, { reusedBytes = 0 }) => sum + reusedBytes, 0),
      uplinkIn: uplinks.reduce((sum, uplink) => sum + uplink.inBytes, 0),
      uplinkOut: uplinks.reduce((sum, uplink) => sum + uplink.outBytes, 0),
    },
    uplinks,
    timeline: timeline.overall(input.present),
    perNode: timeline.perNode(input.nodes),
    tasks: Object.fromEntries(input.accounts.flatMap(({ node, task }) => (task ? [[node, task]] : []))),
    blocked: blockedReads(input.accounts),
    ...placed(input),
    ...uncovered(input.accounts, deployment),
    ...learning(input.accounts, deployment),
    exit: Object.fromEntries(input.exits),
    errors: input.errors,
  };
}

/** Where what was carried is in its place, also when the job has failed elsewhere. */
function placed({ spec, accounts }: ReportInput): Pick<Report, 'placement'> {
  if (!spec.placement) return {};
  const nodes = accounts.flatMap((account) => (account.placed ? [account.node] : [])).sort();
  return { placement: { destination: spec.placement.destination, nodes } };
}

/** To the tenth of a millisecond, as the timeline is. */
function achieved({ planned, hystereticDelivered }: Timeline): Pick<TreePlanUse, 'achieved'> {
  if (planned === undefined || hystereticDelivered === undefined) return {};
  return { achieved: Math.round((hystereticDelivered - planned) * 10_000) / 10_000 };
}

/** Those of the command, and those that the tasks have started. */
function uncovered(
  accounts: readonly Account[],
  { split }: Deployment,
): { uncovered?: readonly UncoveredProgram[] } {
  const started = accounts.flatMap((account) => account.uncovered ?? []) as UncoveredProgram[];
  const byPath = new Map([...(split.uncovered ?? []), ...started].map((program) => [program.path, program]));
  return byPath.size > 0 ? { uncovered: [...byPath.values()].slice(0, UNCOVERED_LISTED_MAX) } : {};
}

function learning(
  accounts: readonly Account[],
  { split: { learnt }, source }: Deployment,
): Pick<Report, 'learning'> {
  if (!learnt) return {};
  const { lastRun, urgent, first } = learnt;
  const { total } = observedReads(accounts, source.manifest);
  return { learning: { urgent, first, ...(lastRun ? { before: lastRun } : {}), now: total } };
}

/** One value, or several where nodes differ; where none was launched, what was asked for. */
function usedBy(serving: readonly ServingAccount[], what: keyof ServingAccount, asked: string): string {
  const used = [...new Set(serving.map((account) => account[what]))].sort();
  return used.join('+') || asked;
}

function uplinkUses(accounts: readonly Account[], deployment: Deployment): UplinkUse[] {
  return accounts
    .flatMap(({ node, uplink }) =>
      uplink ? [{ group: deployment.groupOf(node), proxy: node, ...uplink }] : [],
    )
    .sort((a, b) => (a.proxy < b.proxy ? -1 : 1));
}

function blockedReads(accounts: readonly Account[]): BlockedRead[] {
  return accounts
    .flatMap(({ node, blocked }) => blocked.map((wait) => ({ node, ...wait })))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, BLOCKED_READS_MAX);
}
