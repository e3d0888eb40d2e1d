/**
 * Who takes part in a running job. Those whose parent is away get another one, whatever the policy; what a lost node
 * means to the job, the job's policy says. Pure.
 */
import { TeesError, usageError } from '../base/errors.js';
import type { ErrorRecord } from '../base/errors.js';
import { LOSS_POLICIES } from '../config/config.js';
import type { LossPolicyName } from '../config/config.js';
import type { Loss } from '../report/report.js';
import { Planting } from '../topology/planting.js';
import type { PlantedNode, PlantingOptions } from '../topology/planting.js';

export interface LossSettings {
  readonly policy: LossPolicyName;
  /** Take the place of lost nodes, the first one first. */
  readonly spares: readonly string[];
}

export interface MembershipOptions extends PlantingOptions, LossSettings {
  /** Those that run the command. */
  readonly nodes: readonly string[];
  /** Seconds since submission. */
  now(): number;
}

export interface MembershipPort {
  replant(epoch: number, subtrees: readonly PlantedNode[]): void;
  warn(text: string): void;
  fail(error: TeesError): void;
}

/** @throws TeesError LOSS_POLICY_UNKNOWN, SPARES_WITHOUT_USE */
export function lossSettings(policy: string, spares: readonly string[]): LossSettings {
  const known = LOSS_POLICIES.find((name) => name === policy);
  if (!known)
    throw usageError('LOSS_POLICY_UNKNOWN', `there is no loss policy '${policy}'`, {
      hint: `Known policies: ${LOSS_POLICIES.join(', ')}`,
    });
  if ((known === 'replace') === spares.length > 0) return { policy: known, spares };
  throw usageError(
    'SPARES_INVALID',
    `the loss policy '${known}' and the spare nodes do not belong together`,
    {
      hint: 'Give both --on-loss replace and --spares LIST, or neither.',
    },
  );
}

export class Membership {
  readonly losses: Loss[] = [];
  readonly #planting: Planting;
  readonly #nodes: string[];
  readonly #lost = new Set<string>();
  readonly #spares: string[];
  #ending = false;

  constructor(
    private readonly options: MembershipOptions,
    private readonly port: MembershipPort,
  ) {
    this.#planting = new Planting(options);
    this.#nodes = [...options.nodes];
    this.#spares = [...options.spares];
  }

  /** Those that were to run the command, replacements among them. */
  get nodes(): readonly string[] {
    return this.#nodes;
  }

  /** Those that are not lost. */
  get present(): string[] {
    return this.#nodes.filter((node) => !this.#lost.has(node));
  }

  /** Everybody who takes part, borrowed nodes too. */
  get members(): string[] {
    return this.#planting.names;
  }

  get lost(): string[] {
    return [...this.#lost];
  }

  /** Undefined when it takes no part. */
  find(node: string): { readonly runs: boolean } | undefined {
    return this.#planting.has(node) ? { runs: this.#planting.runs(node) } : undefined;
  }

  /** From here on nobody is replaced, and a loss fails nothing any more. */
  end(): void {
    this.#ending = true;
  }

  heard(node: string): void {
    this.#planting.heard(node);
  }

  away(node: string): void {
    if (this.#planting.away(node)) this.#replant();
  }

  back(node: string): void {
    this.#planting.back(node);
  }

  /** One of those below it takes its place, and it stays in the job as a leaf. */
  slow(node: string): void {
    if (this.#ending) return;
    const path = this.#planting.pathTo(node).join(' > ');
    const standIn = this.#planting.demote(node);
    if (standIn === undefined) return;
    this.port.warn(
      `${node} passes on far less than others (${path}): ${standIn} takes its place in the tree`,
    );
    this.#replant();
  }

  /** @returns what goes into the report of a job that was ending anyway */
  lose(node: string, reason: ErrorRecord): ErrorRecord | undefined {
    if (!this.#planting.has(node)) return undefined;
    const runs = this.#planting.runs(node);
    const loss = { node, at: this.options.now(), path: this.#planting.pathTo(node), ...codeOf(reason) };
    if (this.options.policy === 'stop' && runs) {
      this.losses.push(loss);
      this.#loseWith(node);
      if (this.#ending) return reason;
      // By their new parents those below are told the end, for which they would wait in vain.
      this.#replant();
      this.port.fail(TeesError.fromRecord(reason));
      return undefined;
    }
    this.#lost.add(node);
    this.#planting.lost(node);
    const replacement = runs && !this.#ending ? this.#replacement() : undefined;
    this.losses.push({ ...loss, ...(replacement === undefined ? {} : { replacement }) });
    this.#replant();
    // What would not fail a running job does not fail one that is ending.
    const then = this.#ending ? 'the job was ending' : describeNext(replacement);
    this.port.warn(`${describeLoss(loss)}; ${then}`);
    if (this.#isPointless && !this.#ending) this.port.fail(TeesError.fromRecord(reason));
    return undefined;
  }

  /** A job that only carries has nobody who runs it from the start. */
  get #isPointless(): boolean {
    return this.#nodes.length > 0 ? this.present.length === 0 : this.members.length === 0;
  }

  /** Whom nobody has heard of yet is lost with it: of a job that fails he need not hear any more. */
  #loseWith(node: string): void {
    const below = this.#planting.below(node);
    for (const name of below) {
      if (name !== node && !this.#ending && this.#planting.isKnown(name)) continue;
      this.#lost.add(name);
      this.#planting.lost(name);
    }
  }

  #replacement(): string | undefined {
    if (this.options.policy !== 'replace') return undefined;
    const index = this.#spares.findIndex((name) => !this.#planting.has(name));
    const [spare] = index < 0 ? [] : this.#spares.splice(index, 1);
    if (spare === undefined) return undefined;
    this.#planting.add(spare);
    this.#nodes.push(spare);
    return spare;
  }

  #replant(): void {
    this.port.replant(this.#planting.epoch, this.#planting.planted());
  }
}

function codeOf({ code, message }: ErrorRecord): Pick<Loss, 'code' | 'message'> {
  return { code, message };
}

function describeLoss({ node, at, path, code, message }: Loss): string {
  return `${node} is lost after ${at.toFixed(1)} s (${path.join(' > ')}): ${code}: ${message}`;
}

function describeNext(replacement: string | undefined): string {
  return replacement === undefined ? 'the job goes on without it' : `${replacement} takes its place`;
}
