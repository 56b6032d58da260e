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

  add(sender: Sender): void {
    if (this.#waiting.push(sender) === 1) setImmediate(this.#end);
  }

  readonly #end = (): void => {
    const senders = this.#waiting;
    this.#waiting = [];
    for (const sender of senders) sender.send();
  };
}
