import { WaitingList } from './waiting-list.ts';

/** How often lanes are looked at while batches are open. */
export const LOOK_MS = 500;
/** An endpoint that does not give its permits back for this long ails, unless it is known to be slow. */
const LEAST_PATIENCE_MS = 2_000;
/** … and for so many times what its latest delivery took, where that is more. */
const PATIENCE_PER_MS = 2;
/** A failure within this time takes nothing from others: the queue flows on as if it were a delivery. */
const QUICK_MS = 500;

/**
 * One endpoint of a client, in this process: what it has of the client's permits, and whether they come back. It is
 * in the way of every event, and so it only counts there; it is judged by `look`, twice a second.
 */
export class Lane {
  /** Absent: the client has no endpoint for these events. */
  readonly url: string | undefined;
  readonly type: string;
  /** Those that have no permit yet. */
  readonly waiting = new WaitingList();
  /** Its events in open batches that have not been sent yet. */
  standing = 0;
  /** Permits that its events have: those in flight, and those that wait for their turn within the rate. */
  held = 0;
  inFlight = 0;
  /** It holds on to its permits: it has only a share of them, until they come back. */
  isAiling = false;
  #turned = 0;
  /** What its latest delivery took. */
  #usualMs = 0;
  /** How it stood when it was last found well, or was last given time. */
  #mark = { turned: 0, inFlight: 0 };
  #looks = 0;

  constructor(type: string, url: string | undefined) {
    this.type = type;
    this.url = url;
  }

  /** An attempt is over that took so many milliseconds; then its permit is given back. */
  ended(wasDelivered: boolean, ms: number): void {
    if (wasDelivered) this.#usualMs = ms;
    else if (ms >= QUICK_MS) return;
    this.#turned += 1;
  }

  /**
   * Judges it by whether as many attempts as were in flight came to something within its time: delivered, or failed
   * at once. That is so for a slow endpoint, too, and for one that refuses everything; and not where each attempt
   * hangs, nor where every other one does.
   *
   * @param many from how many attempts in flight on others may have to wait for it
   * @returns whether it began to ail, or recovered
   */
  look(many: number): boolean {
    this.#looks += 1;
    const before = this.isAiling;
    const turned = this.#turned - this.#mark.turned;
    if (turned >= Math.max(1, this.#mark.inFlight)) this.isAiling = false;
    else if (before || this.inFlight >= many) {
      if (this.#looks * LOOK_MS < Math.max(LEAST_PATIENCE_MS, PATIENCE_PER_MS * this.#usualMs)) return false;
      this.isAiling = true;
    }
    this.#mark = { turned: this.#turned, inFlight: this.inFlight };
    this.#looks = 0;
    return this.isAiling !== before;
  }
}
