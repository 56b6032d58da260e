/** What can be called off. */
export interface Abortable {
  abort(): void;
}

/**
 * Requests by the signal that ends them. A batch shares one signal among all its requests: a listener for
 * each would cost more than the rest of the bookkeeping, and make Node warn of a leak from the eleventh on.
 */
export class AbortGroups {
  readonly #groups = new WeakMap<AbortSignal, Set<Abortable>>();

  /** The set of those that the signal ends; whoever joins it leaves it when done. */
  of(signal: AbortSignal): Set<Abortable> {
    const known = this.#groups.get(signal);
    if (known !== undefined) return known;
    const group = new Set<Abortable>();
    this.#groups.set(signal, group);
    signal.addEventListener('abort', () => abortAll(group), { once: true });
    return group;
  }
}

/** Calls all of them off. */
export function abortAll(group: ReadonlySet<Abortable>): void {
  for (const abortable of [...group]) abortable.abort();
}
