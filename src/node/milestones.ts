/** How far a job has come on one node, and what is to happen when. Each step is told, and taken, once. Pure. */
import type { NodeEvent, NodeEventName, Progress } from '../wire/messages.js';

/** What has arrived of the layer. */
export interface Arrived {
  readonly urgentIsHere: boolean;
  readonly urgentBytes: number;
  readonly hystereticBytes: number;
}

export interface MilestonesPort {
  event(event: NodeEventName, more?: Partial<NodeEvent>): void;
  /** The urgent part is here, and the environment is prepared. */
  launch(): void;
  /** Everything is here: the task needs no hook any more. */
  retireHook(): void;
}

export class Milestones {
  #urgent = false;
  #prepared = false;
  #launching = false;
  #launched = false;
  #exited = false;
  #delivered = false;
  #retired = false;

  /** @param runs whether there is a task on this node */
  constructor(
    private readonly runs: boolean,
    private readonly port: MilestonesPort,
  ) {}

  /** Names layer and hook are in place. */
  prepared(): void {
    this.#prepared = true;
  }

  launched(): void {
    this.#launched = true;
  }

  exited(): void {
    this.#exited = true;
  }

  /**
   * @param arrived undefined before the document has been read
   * @param complete all of the layer is here
   */
  check(arrived: Pick<Arrived, 'urgentIsHere'> | undefined, complete: boolean): void {
    if (!arrived) return;
    const { urgentIsHere } = arrived;
    if (urgentIsHere && !this.#urgent) {
      this.#urgent = true;
      this.port.event('urgent');
    }
    if (urgentIsHere && this.#prepared && !this.#launching) {
      this.#launching = true;
      this.port.launch();
    }
    if (complete && !this.#delivered) {
      this.#delivered = true;
      this.port.event('delivered');
    }
    if (complete && this.#launched && !this.#retired) {
      this.#retired = true;
      this.port.retireHook();
    }
  }

  /** Of this node alone. @param arrived undefined before the document has been read */
  progress(arrived: Arrived | undefined): Progress {
    return {
      nodes: 1,
      urgentBytes: arrived?.urgentBytes ?? 0,
      hystereticBytes: arrived?.hystereticBytes ?? 0,
      launched: this.runs && this.#launched ? 1 : 0,
      exited: this.runs && this.#exited ? 1 : 0,
    };
  }
}
