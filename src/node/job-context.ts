/** What a job on a node has from the node's daemon. */
import type { Log } from '../base/log.js';
import type { Config } from '../config/config.js';
import type { Removals } from '../environment/removals.js';
import type { Capacity } from '../store/capacity.js';
import type { ContentCache } from '../store/content-cache.js';
import type { Link } from '../transport/link.js';

export interface NodeJobContext {
  readonly config: Config;
  /** This node's name. */
  readonly self: string;
  readonly capacity: Capacity;
  readonly removals: Removals;
  readonly cache: ContentCache;
  readonly log: Log;
  connect(node: string): Promise<Link>;
  /** What later jobs could use goes as far as running jobs need its room. */
  makeRoom(): void;
  /** The job is over here and nothing of it is left. */
  onOver(): void;
}
