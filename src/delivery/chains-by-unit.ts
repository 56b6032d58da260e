import type { StoredEvent } from '../core/event.ts';

/** Events of one unit, in their order. */
export type Chain = [StoredEvent, ...StoredEvent[]];

/** Groups events by unit, in their order: each group goes one after another, the groups side by side. */
export function chainsByUnit(events: readonly StoredEvent[]): Chain[] {
  const chains = new Map<string, Chain>();
  for (const event of events) {
    const chain = chains.get(event.unit);
    if (chain === undefined) chains.set(event.unit, [event]);
    else chain.push(event);
  }
  return [...chains.values()];
}

/**
 * Handles the events of each chain one after another, the chains side by side; `handle` calls back once it is
 * through with its event. Callbacks: a promise for each event would cost it several per cent.
 */
export function inTurn<Item>(
  chains: readonly (readonly Item[])[],
  handle: (item: Item, onOver: () => void) => void,
): Promise<void> {
  return new Promise((resolve) => {
    let open = chains.length;
    function goOn(chain: readonly Item[], at: number): void {
      const item = chain[at];
      if (item !== undefined) handle(item, () => goOn(chain, at + 1));
      else {
        open -= 1;
        if (open === 0) resolve();
      }
    }
    if (open === 0) resolve();
    for (const chain of chains) goOn(chain, 0);
  });
}
