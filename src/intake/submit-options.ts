import type { JsonSource } from '../core/odd-numbers.ts';

/** What may be given along with an event. */
export interface SubmitOptions {
  /**
   * Makes a repeated submission the same event: whoever submits again for this client with the same key, within
   * 24 h, hears the id of the event that there is, and no second one is delivered. 1 to 255 printable ASCII
   * characters. The same key with another type or payload is refused.
   */
  readonly idempotencyKey?: string | undefined;
}

/** What may be given along with many events. */
export interface SubmitManyOptions<Payload = unknown> {
  /**
   * Gives the idempotency key of a valid payload, the `index`th from 0; undefined: it has none. Where it throws,
   * or what it gives is no key, that event is refused.
   */
  idempotencyKeyOf?(payload: Payload, index: number): string | undefined;
}

/** What else intake takes along with an event that was read from JSON. */
export interface ReadEventOptions extends SubmitOptions {
  /** The JSON of the payload; absent: its numbers are held to no spelling. */
  readonly source?: JsonSource | undefined;
}

/** What else intake takes along with many events that were read from JSON. */
export interface ReadEventsOptions extends SubmitManyOptions {
  /** Gives the JSON of the `index`th payload; undefined: its numbers are held to no spelling. */
  sourceOf?(index: number): JsonSource | undefined;
}
