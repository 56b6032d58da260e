/** What is sent once everything that has come by then was read. */
export interface Sender {
  send(): void;
}

/** Lets requests wait until Node has read what came in, all of them by one callback: each of its own costs several per cent. */
export class AfterPoll {
  #waiting: Sender[] = [];
  readonly #drain = (): void => {
    const senders = this.#waiting;
    this.#waiting = [];
    for (const sender of senders) sender.send();
  };

  add(sender: Sender): void {
    if (this.#waiting.length === 0) setImmediate(this.#drain);
    this.#waiting.push(sender);
  }
}
