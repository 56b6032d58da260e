import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_BATCH_BYTES } from '../config/client-config.ts';
import type { DeadLetterFilter } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { findDeadLetters, type ReadDeadLetters } from './find-dead-letters.ts';
import type { ReplayRate } from './replay-rate.ts';

/** Replays or discards dead letters of one client in one step; resolves to how many still existed. */
export type DeadLetterAction = (client: string, events: readonly StoredEvent[]) => Promise<number>;

/** Which dead letters to act on, and who watches. */
export interface ActOptions {
  readonly clients: readonly string[];
  readonly filter: DeadLetterFilter;
  readonly limit?: number | undefined;
  /** How many at a time; as large as the client's batches, at most 256 KiB. */
  batchSizeOf(client: string): number;
  onProgress?(done: number): void;
  /** Holds the steps to a rate; absent: they follow at once. */
  readonly rate?: ReplayRate;
  /** Ids of events that are left out. */
  readonly skip?: ReadonlySet<string>;
  /** Ends after the step under way; what is done stays done, and the rest can be done later. */
  readonly signal?: AbortSignal;
}

/** How many were meant, and how many of them were still there to act on. */
export interface ActResult {
  readonly found: number;
  readonly done: number;
  readonly interrupted: boolean;
}

/**
 * Replays or discards all dead letters that a filter means, group by group. Two runs, even at once, act on each
 * only once. An event that dies again meanwhile begins a new life and is not taken a second time.
 */
export async function actOnDeadLetters(
  read: ReadDeadLetters,
  action: DeadLetterAction,
  { clients, filter, limit, batchSizeOf, onProgress, rate, skip, signal }: ActOptions,
): Promise<ActResult> {
  const result = { found: 0, done: 0, interrupted: false };
  const seen = new Set(skip);
  try {
    for await (const page of findDeadLetters(read, clients, filter, limit, signal)) {
      const client = page[0]?.client ?? '';
      const events = page.map((letter) => letter.event).filter((event) => !seen.has(event.id));
      for (const event of events) seen.add(event.id);
      const size = Math.min(batchSizeOf(client), rate?.stepSize ?? Number.POSITIVE_INFINITY);
      for (const group of groupsOf(events, size)) {
        if (rate !== undefined) await wait(rate.waitMs(), signal);
        signal?.throwIfAborted();
        result.found += group.length;
        const acted = await action(client, group);
        // Letters that were gone already put no load on the endpoint.
        rate?.went(acted);
        result.done += acted;
        onProgress?.(result.done);
      }
    }
  } catch (error) {
    if (signal === undefined || error !== signal.reason) throw error;
    result.interrupted = true;
  }
  return result;
}

/** Ends early, without an error, if the signal says so. */
async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms <= 0) return;
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {});
}

/** Cuts events into groups of at most `size` events and 256 KiB of bodies. */
function groupsOf(events: readonly StoredEvent[], size: number): StoredEvent[][] {
  const groups: StoredEvent[][] = [];
  let group: StoredEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const length = Buffer.byteLength(event.body);
    if (group.length > 0 && (group.length >= size || bytes + length > MAX_BATCH_BYTES)) {
      groups.push(group);
      group = [];
      bytes = 0;
    }
    group.push(event);
    bytes += length;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}
