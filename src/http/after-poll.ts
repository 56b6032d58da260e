/** What is sent once everything that has come by then was read. */
export interface Sender {
  send(): void;
}

/**
 * Lets requests wait until Node has read what came in, all of them by one callback: one for each would cost
 * several per cent.
 */
export class AfterPoll {
  #waiting: Sender[] = [];
  #turn = 0;
  #ending = false;

  /** The present turn of the event loop. */
  get turn(): number {
    if (!this.#ending) {
      this.#ending = true;
      setImmediate(this.#end);
    }
    return this.#turn;
  }

  add(sender: Sender): void {
    this.#waiting.push(sender);
    void this.turn;
  }

  readonly #end = (): void => {
    this.#ending = false;
    this.#turn += 1;
    const senders = this.#waiting;
    this.#waiting = [];
    for (const sender of senders) sender.send();
  };
}
