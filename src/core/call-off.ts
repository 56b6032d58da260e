type Listener = () => void;

/** What calls work off; an `AbortSignal` is one. */
export interface CallOffSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: Listener, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: Listener): void;
}

/** Waits for something no longer than it is wanted: `calledOff` comes in its place once the signal is aborted. */
export function unlessCalledOff<Result, CalledOff>(
  awaited: Promise<Result>,
  signal: CallOffSignal,
  calledOff: CalledOff,
): Promise<Result | CalledOff> {
  if (signal.aborted) return Promise.resolve(calledOff);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(calledOff);
    signal.addEventListener('abort', onAbort, { once: true });
    awaited.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * An `AbortController` and its signal in one, at a fraction of the cost: every batch has one, and next to none
 * is ever called off. Listeners are called once.
 */
export class CallOff implements CallOffSignal {
  #aborted = false;
  readonly #mayGoOn: () => boolean;
  #listeners: Set<Listener> | undefined;

  /** @param mayGoOn while it says no nothing begins, and no listener is called */
  constructor(mayGoOn: () => boolean = () => true) {
    this.#mayGoOn = mayGoOn;
  }

  get aborted(): boolean {
    return this.#aborted || !this.#mayGoOn();
  }

  addEventListener(_type: 'abort', listener: Listener): void {
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    this.#listeners?.delete(listener);
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    const listeners = [...(this.#listeners ?? [])];
    this.#listeners = undefined;
    for (const listener of listeners) listener();
  }
}
