/**
 * What waits to be sent by one link, which all jobs of the two daemons share. What somebody waits for goes first, then
 * what commands need to start, then the rest; but each class has its share however much the others have, so that no
 * job starves. Within a class the order is that of asking: as each job asks for few units at a time (its window,
 * job-relay.ts), jobs take turns. Pure.
 *
 * By stride scheduling: each send moves its class on by its stride, and the class that has come the least far is next.
 * Literature: Waldspurger and Weihl, Stride Scheduling, MIT 1995.
 */

/** `awaited`: a read waits for it. `urgent`: a command needs it to start. */
export type SendClass = 'awaited' | 'urgent' | 'later';

/** Where all have something, of 21 sends 16 are awaited, 4 urgent and 1 is of the rest. */
const SHARES: Readonly<Record<SendClass, number>> = { awaited: 16, urgent: 4, later: 1 };
/** In the order in which they go when they have come equally far. */
const CLASSES = Object.keys(SHARES) as SendClass[];

export class SendQueue<Item> {
  readonly #waiting: Record<SendClass, Item[]> = { awaited: [], urgent: [], later: [] };
  readonly #passed: Record<SendClass, number> = { awaited: 0, urgent: 0, later: 0 };
  /** How far the last one had come: a class that had nothing to send has gained nothing by it. */
  #now = 0;

  /** Whether something of this class could go at once without passing what is as urgent. */
  isFree(kind: SendClass): boolean {
    return CLASSES.slice(0, CLASSES.indexOf(kind) + 1).every((one) => this.#waiting[one].length === 0);
  }

  push(kind: SendClass, item: Item): void {
    if (this.#waiting[kind].length === 0)
      this.#passed[kind] = Math.max(this.#passed[kind], this.#now + 1 / SHARES[kind]);
    this.#waiting[kind].push(item);
  }

  next(): Item | undefined {
    let least: SendClass | undefined;
    for (const kind of CLASSES) {
      if (this.#waiting[kind].length === 0) continue;
      if (least === undefined || this.#passed[kind] < this.#passed[least]) least = kind;
    }
    if (least === undefined) return undefined;
    this.#now = this.#passed[least];
    this.#passed[least] += 1 / SHARES[least];
    return this.#waiting[least].shift();
  }
}
