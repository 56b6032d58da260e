import type { StoredEvent } from '../core/event.ts';
import { groupBy } from '../core/group-by.ts';

/**
 * Handles events of one unit one after another, in their order, and different units side by side; `handle` calls back
 * once it is done with its event. Callbacks: a promise for each event would cost it several per cent.
 */
export function handleByUnit(
  events: readonly StoredEvent[],
  handle: (event: StoredEvent, onOver: () => void) => void,
): Promise<void> {
  const chains = groupBy(events, ({ unit }) => unit);
  return new Promise((resolve) => {
    let open = chains.size;
    function goOn(chain: readonly StoredEvent[], at: number): void {
      const event = chain[at];
      if (event !== undefined) handle(event, () => goOn(chain, at + 1));
      else {
        open -= 1;
        if (open === 0) resolve();
      }
    }
    if (open === 0) resolve();
    for (const chain of chains.values()) goOn(chain, 0);
  });
}
