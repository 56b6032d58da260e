/**
 * Why an event is sent again that may have reached the endpoint before: its repeats. Retries of failed attempts, the second
 * request after a 401 and replays are none.
 *
 * - `taken_over`: a process was lost with the event's batch, or lost its lock. Either way another one takes the batch
 *   over, and it is counted there alone. What had been sent is not known: each event without a result counts, once for each
 *   process.
 * - `resent`: a kept connection was closed after the request was written, before a byte of the answer came.
 * - `called_off`: a stop or a reload called off the request after it was written.
 */
export const REPEAT_CAUSES = ['taken_over', 'resent', 'called_off'] as const;

/** One of them. */
export type RepeatCause = (typeof REPEAT_CAUSES)[number];

/**
 * How often an event may have reached the endpoint again, by cause; absent: never. An upper bound, as far as the engine
 * knows: much of what is counted had not arrived before.
 */
export type Repeats = Readonly<Partial<Record<RepeatCause, number>>>;
