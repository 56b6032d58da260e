import type { JsonSource } from '../core/odd-numbers.ts';

/** Options for an event. */
export interface SubmitOptions {
  /**
   * Makes a repeated submission the same event: a second submission for this client with the same key within 24 h
   * gets the id of the first event, and no second event is delivered. 1 to 255 printable ASCII characters. The same
   * key with another type or payload is refused.
   */
  readonly idempotencyKey?: string | undefined;
}

/** Options for many events. */
export interface SubmitManyOptions<Payload = unknown> {
  /**
   * Gives the idempotency key of a valid payload, the `index`th from 0; undefined: it has none. If it throws, or
   * gives anything but a key, that event is refused.
   */
  idempotencyKeyOf?(payload: Payload, index: number): string | undefined;
}

/** Options for an event that was read from JSON. */
export interface ReadEventOptions extends SubmitOptions {
  /** The JSON of the payload; absent: the spelling of its numbers is not checked. */
  readonly source?: JsonSource | undefined;
}

/** Options for many events that were read from JSON. */
export interface ReadEventsOptions extends SubmitManyOptions {
  /** Gives the JSON of the `index`th payload; undefined: the spelling of its numbers is not checked. */
  sourceOf?(index: number): JsonSource | undefined;
}
