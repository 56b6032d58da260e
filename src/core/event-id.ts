const TIME_DIGITS = 13;
const DASH = 45;
const NINE = 57;
const DIGIT_ZERO = 48;
/** What a lower-case letter's code is above its value. */
const LETTER_BASE = 87;

/** RFC 9562, section 5.7: 48 bits of time, the version, randomness. */
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** An event's id as Waybill writes it, whatever case it is given in; undefined if it is none (no UUIDv7). */
export function parseEventId(text: string): string | undefined {
  const id = text.trim().toLowerCase();
  return UUID_V7.test(id) ? id : undefined;
}

/** When an event was accepted, ms since the epoch: the first 48 bits of a UUIDv7 (RFC 9562, section 5.7). */
export function acceptedAt(id: string): number {
  let ms = 0;
  for (let i = 0; i < TIME_DIGITS; i += 1) {
    const code = id.charCodeAt(i);
    // Not parseInt, which wants the two pieces put together first: this is done for every event.
    if (code !== DASH) ms = ms * 16 + (code <= NINE ? code - DIGIT_ZERO : code - LETTER_BASE);
  }
  return ms;
}
