import type { StoredEvent } from '../core/event.ts';
import type { Lane } from './lane.ts';
import type { Line } from './line.ts';

/**
 * Takes those events of a batch out of the line whose endpoint ails and has enough in line without them. All of a
 * type or none, so that those of a unit keep their order.
 *
 * @returns the events
 */
export function holdBack(events: readonly StoredEvent[], { lanes, leave }: Line): ReadonlySet<StoredEvent> {
  const counts = new Map<Lane, number>();
  for (const { type } of events) {
    const lane = lanes.of(type);
    counts.set(lane, (counts.get(lane) ?? 0) + 1);
  }
  const full = new Set([...counts].filter(([lane, own]) => lanes.hasEnough(lane, own)).map(([lane]) => lane));
  const held = new Set(events.filter(({ type }) => full.has(lanes.of(type))));
  for (const { type } of held) leave(lanes.of(type));
  return held;
}
