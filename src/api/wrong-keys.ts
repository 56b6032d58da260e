/** Wrong keys of an address within a minute that are answered at once. */
const FREE = 5;
const WITHIN_MS = 60_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;
/** Times of wrong keys that are kept of an address; from this number on the wait is the longest. */
const MOST_TIMES = FREE + 1 + Math.ceil(Math.log2(LONGEST_WAIT_MS / FIRST_WAIT_MS));
const MOST_ADDRESSES = 1_000;
const MOST_WAITING = 200;

/** Delays the answers to wrong keys. Bounded in memory: the address that was quiet longest goes. */
export class WrongKeys {
  /** When wrong keys came, by remote address, ms since the epoch. */
  readonly #times = new Map<string, readonly number[]>();
  #waiting = 0;

  /**
   * Counts a wrong key.
   *
   * @param now ms since the epoch
   * @returns how long its answer is to wait, in ms
   */
  count(address: string, now: number): number {
    const before = this.#times.get(address) ?? [];
    const times = [...before.filter((at) => now - at < WITHIN_MS), now].slice(-MOST_TIMES);
    this.#times.delete(address);
    this.#times.set(address, times);
    const [first] = this.#times.keys();
    if (this.#times.size > MOST_ADDRESSES && first !== undefined) this.#times.delete(first);
    if (times.length <= FREE) return 0;
    return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (times.length - FREE - 1));
  }

  /** The addresses of which something is kept. */
  get addresses(): number {
    return this.#times.size;
  }

  /** An answer is to wait. @returns false: as many wait as may */
  begin(): boolean {
    if (this.#waiting >= MOST_WAITING) return false;
    this.#waiting += 1;
    return true;
  }

  /** An answer has waited. */
  end(): void {
    this.#waiting -= 1;
  }
}
