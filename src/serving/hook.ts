/**
 * The blocking hook's server side, as every engine implements it: it makes a directory tree appear at
 * `directory` in which `.tees/ID` is content ID, readable as soon as it has arrived; an open before that waits
 * (at open, never at read: FINDINGS, rule 1). Names are not its business: the names layer above refers here.
 */
import type { Arrivals } from '../store/arrivals.js';

export interface HookContext {
  /** An empty directory; after `start` the served tree is there. */
  readonly directory: string;
  readonly contentCount: number;
  /** Apparent size of a content in bytes. */
  sizeOf(content: number): number;
  /** The path of the arrived content's file in the store. */
  pathOf(content: number): string;
  readonly arrivals: Arrivals;
}

export interface HookServer {
  readonly engine: string;
  /** Whether lseek(SEEK_HOLE) on a served file finds its holes. */
  readonly reportsHoles: boolean;
  start(): Promise<void>;
  /** Fails whoever still waits, and unmounts. Safe to call twice, and after a failed start. */
  stop(): Promise<void>;
}

export type HookFactory = (context: HookContext) => HookServer;
