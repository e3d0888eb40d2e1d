/** What is examined. */
import type { Config } from '../../config/config.js';

export interface Patient {
  readonly config: Config;
  readonly role: 'login' | 'node';
  /** Its name in the configuration. */
  readonly node: string;
  /** Whether its network is this process's: of an embedded cluster it is not. */
  readonly sameNetwork: boolean;
}
