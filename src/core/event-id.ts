/** RFC 9562, section 5.7: 48 bits of time, the version, randomness. */
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** An event's id as Waybill writes it, whatever case it is given in; undefined where it is none (no UUIDv7). */
export function parseEventId(text: string): string | undefined {
  const id = text.trim().toLowerCase();
  return UUID_V7.test(id) ? id : undefined;
}

/** When an event was accepted: the time in its id, ms since the epoch. */
export function eventIdTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
