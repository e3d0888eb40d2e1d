/** What a daemon does for `tees probe` and `tees calibrate`, beside its jobs and by the same links. */
import type { TeesError } from '../base/errors.js';
import type { Frame, Header } from '../wire/frame.js';
import { isProbeMessage } from '../wire/probe.js';
import { isTrialMessage } from '../wire/trial.js';
import type { Link } from './link.js';
import type { ProbePort } from './probe.js';
import { Probes } from './probes.js';
import { Trials } from './trials.js';

export class NetworkTests {
  readonly probes: Probes;
  readonly trials: Trials;

  /** @param directory on the file system on which jobs keep what arrives */
  constructor(self: string, links: ProbePort, directory: string) {
    this.probes = new Probes(self, links);
    this.trials = new Trials({ self, directory, connect: (node) => links.connect(node) });
  }

  concerns(header: Header): boolean {
    return isProbeMessage(header) || isTrialMessage(header);
  }

  /** @throws TeesError MESSAGE_INVALID */
  receive(link: Link, frame: Frame): void | Promise<void> {
    if (isTrialMessage(frame.header)) return this.trials.receive(link, frame);
    this.probes.receive(link, frame.header);
  }

  linkClosed(link: Link, error: TeesError | undefined): void {
    this.probes.linkClosed(link, error);
    this.trials.linkClosed(link, error);
  }
}
