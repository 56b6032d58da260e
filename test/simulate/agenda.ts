/** What is to happen, by its time in ms; what is due at the same time happens in no particular order. */
export class Agenda {
  now = 0;
  readonly #times: number[] = [];
  readonly #actions: (() => void)[] = [];

  at(time: number, action: () => void): void {
    const due = Math.max(time, this.now);
    let place = this.#times.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#timeOf(parent) <= due) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#times[place] = due;
    this.#actions[place] = action;
  }

  /** Does what is due next, and moves the time to it; false: nothing is due until then. */
  step(until: number): boolean {
    const action = this.#actions[0];
    if (action === undefined || this.#timeOf(0) > until) return false;
    this.now = this.#timeOf(0);
    const lastTime = this.#times.pop() ?? 0;
    const lastAction = this.#actions.pop();
    if (this.#times.length > 0 && lastAction !== undefined) this.#sink(lastTime, lastAction);
    action();
    return true;
  }

  #sink(time: number, action: () => void): void {
    const length = this.#times.length;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#timeOf(child + 1) < this.#timeOf(child)) child += 1;
      if (this.#timeOf(child) >= time) break;
      this.#move(child, place);
      place = child;
    }
    this.#times[place] = time;
    this.#actions[place] = action;
  }

  #timeOf(place: number): number {
    return this.#times[place] as number;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#timeOf(from);
    this.#actions[to] = this.#actions[from] as () => void;
  }
}

/** A queue that gives its first item in constant time. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 10_000) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
