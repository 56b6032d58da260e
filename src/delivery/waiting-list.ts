/** Called once: with true where what was waited for came, else with false. */
export type OnTurn = (granted: boolean) => void;

/** Those that wait, in the order of their coming; taking the first costs the same however many there are. */
export class WaitingList {
  #entries: OnTurn[] = [];
  #first = 0;

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  push(onTurn: OnTurn): void {
    this.#entries.push(onTurn);
  }

  /** Takes out whoever waits longest. */
  shift(): OnTurn | undefined {
    const next = this.#entries[this.#first];
    if (next === undefined) return undefined;
    this.#first += 1;
    if (this.#first === this.#entries.length) this.#clear();
    else if (this.#first > 1_000) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
    return next;
  }

  /** Sends all away. */
  dismiss(): void {
    const dismissed = this.#entries.slice(this.#first);
    this.#clear();
    for (const onTurn of dismissed) onTurn(false);
  }

  #clear(): void {
    this.#entries.length = 0;
    this.#first = 0;
  }
}
