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
