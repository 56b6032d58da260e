import type { KeptHeaders } from './attempt-result.ts';
import { acceptedAt } from './event-id.ts';

/*
 * The words, one meaning each:
 *
 * client    a company that receives events
 * endpoint  one client's URL for one event type: the unit of queueing and failing
 * event     one message for one client: id, type, payload, unit
 * unit      what the event is about (a licence plate)
 * batch     up to `batchSize` events of one endpoint in one BullMQ job
 * attempt   one try to deliver one event: one request, and a second one after a 401
 * life      an event's way from intake or replay to delivered or dead; counted from 0
 * history   one entry for each failed attempt of the present life
 */

/**
 * One failed attempt, compact (≤ 64 bytes as JSON): when it ended (ms since the epoch), the HTTP status
 * (0: there was none), the failure class, how long it took in milliseconds.
 */
export type HistoryEntry = readonly [at: number, status: number, failureClass: string, ms: number];

/** An event as it stands in a job. `body` is the exact text that is sent, serialised once, at intake. */
export interface StoredEvent {
  /** UUIDv7; also the `Idempotency-Key` of each request. */
  readonly id: string;
  readonly type: string;
  readonly unit: string;
  readonly body: string;
  /** How often the event was replayed; absent: never. */
  readonly life?: number;
  /** When the event was last put back into delivery, ms since the epoch; absent: it was never replayed. */
  readonly replayedAt?: number;
  /** The failed attempts of this life, oldest first; absent: none. */
  readonly history?: readonly HistoryEntry[];
  /** Those of earlier lives, oldest first, the latest ten lives; absent: it was never replayed. */
  readonly earlier?: readonly (readonly HistoryEntry[])[];
  /** The start of the latest failed attempt's response (≤ 512 bytes), or the reason that there was none. */
  readonly response?: string;
  /** Headers of the latest failed attempt's response; absent: it had none of them. */
  readonly headers?: KeptHeaders;
  /** Where a dead letter was sent to, or was to be sent to, masked. */
  readonly url?: string;
  /** When the event was given up on because it was too old, ms since the epoch; absent: it is no such dead letter. */
  readonly expiredAt?: number;
}

/** What a delivery job carries: events of one endpoint, and nothing of its configuration. */
export interface Batch {
  readonly events: readonly StoredEvent[];
}

/** The number of the attempt that comes next, counted from 1 in each life. */
export function nextAttempt(event: StoredEvent): number {
  return (event.history?.length ?? 0) + 1;
}

/** When the event's present life began: at its acceptance or its latest replay, ms since the epoch. */
export function heldSince({ id, replayedAt }: StoredEvent): number {
  return replayedAt ?? acceptedAt(id);
}
