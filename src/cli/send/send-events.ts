import { v7 as uuidv7 } from 'uuid';
import type { Config } from '../../config/config-schema.ts';
import { replicasWanted } from '../../config/redis-config.ts';
import { EVENT_TYPE_NAMES, findEventType } from '../../core/event-types.ts';
import { didYouMean } from '../../core/near-miss.ts';
import { type ReadPayload, readPayloads } from '../../intake/read-payloads.ts';
import { restore } from '../../intake/restore.ts';
import type { ReadEventsOptions } from '../../intake/submit-options.ts';
import { refusal, type SubmitResult } from '../../intake/submit-result.ts';
import { restoreEvents } from '../../queue/admit.ts';
import { findDelivered } from '../../queue/find-delivered.ts';
import type { OpenIntake } from '../../service/open-intake.ts';
import { findClient } from '../open-operator.ts';
import { withProgress } from '../progress.ts';
import { UsageError } from '../run-command.ts';
import type { Account } from './account.ts';
import { type EventInput, findInput, sampleInput } from './event-input.ts';
import type { KeyTemplate } from './key-template.ts';
import type { SafeBy } from './listing.ts';

/** What is sent, and how it is submitted. */
export interface Sending {
  readonly input: EventInput;
  readonly safeBy: SafeBy;
  /** Writes the key of the nth event. */
  readonly keyOf?: ((payload: unknown, n: number) => string) | undefined;
  submitMany(
    intake: OpenIntake,
    payloads: readonly unknown[],
    options?: ReadEventsOptions,
  ): Promise<readonly SubmitResult[]>;
}

/** Payloads of one type for one client. @param from a file, stdin, or how many samples @throws UsageError */
export function sendTo(
  config: Config,
  client: string,
  type: string,
  from: string | number | undefined,
  keyTemplate: KeyTemplate | undefined,
): Sending {
  const { endpoints } = findClient(config, client);
  const eventType = findEventType(type);
  if (eventType === undefined) {
    const known = EVENT_TYPE_NAMES.join(', ');
    throw new UsageError(
      `"${type}" is not an event type; there are: ${known}${didYouMean(type, EVENT_TYPE_NAMES)}`,
    );
  }
  if (endpoints[type] === undefined) {
    throw new UsageError(`client "${client}" has no endpoint for ${type} in ${config.file}`);
  }
  return {
    input: typeof from === 'number' ? sampleInput(eventType, from) : findInput(from),
    safeBy: keyTemplate && 'keys',
    keyOf: keyTemplate && ((payload, n) => keyTemplate(payload, n, type)),
    submitMany: (intake, payloads, options) => intake.submitMany(client, type, payloads, options),
  };
}

/**
 * Exported events, each for the client that it names.
 *
 * @param again sends those that were delivered since, too
 * @throws UsageError
 */
export function sendExport({ clients, redis: section }: Config, file: string, again: boolean): Sending {
  return {
    input: findInput(file),
    safeBy: 'export',
    submitMany: ({ redis }, lines) =>
      restore(lines, {
        clients,
        again,
        findDelivered: (client, ids) => findDelivered(redis, client, ids),
        write: (endpoint, events, delivered) =>
          restoreEvents(redis, endpoint, uuidv7(), events, Date.now(), delivered, replicasWanted(section)),
      }),
  };
}

/** Events that are submitted at once, and submissions that may be under way: a bound on memory. */
const MAX_EVENTS = 1_000;
const MAX_UNDER_WAY = 8;

/**
 * Reads and submits everything as it comes, and counts it in the order of the input. Shows a progress bar: by bytes
 * for a file, by events for a stream. What was submitted is counted, even if it throws.
 *
 * @param reading ends it early
 * @throws errors of the input
 */
export async function sendEvents(
  intake: OpenIntake,
  sending: Sending,
  account: Account,
  reading: AbortController,
): Promise<void> {
  const { input } = sending;
  const { signal } = reading;
  let bytesRead = 0;
  const bytes = input.read(signal, (count) => {
    bytesRead += count;
  });
  await withProgress(input.size === undefined ? 'events' : 'bytes', input.size, async (update) => {
    let seen = 0;
    const underWay: Promise<void>[] = [];
    async function send(items: readonly ReadPayload[], earlier: Promise<void> | undefined): Promise<void> {
      const submitting = submit(intake, sending, items, seen);
      seen += items.length;
      const results = await submitting;
      await earlier;
      for (const [at, result] of results.entries()) account.count(items[at]?.line ?? 0, result);
      update(input.size === undefined ? account.total : bytesRead);
      // Input from a pipe may not end for a long time.
      if (account.failure !== undefined) reading.abort();
      await account.flush();
    }
    try {
      for await (const items of inParts(readPayloads(bytes))) {
        if (underWay.length >= MAX_UNDER_WAY) await underWay.shift();
        if (signal.aborted) break;
        const sent = send(items, underWay.at(-1));
        // It is awaited later; a failure before that is not unhandled.
        sent.catch(() => {});
        underWay.push(sent);
      }
    } finally {
      await Promise.all(underWay);
    }
  });
}

/** Submits the payloads among these items. @param before items that came earlier @returns a result for each item */
async function submit(
  intake: OpenIntake,
  { keyOf, submitMany }: Sending,
  items: readonly ReadPayload[],
  before: number,
): Promise<SubmitResult[]> {
  // Every item has a number in the whole input, even if it is no payload.
  const valid = items.flatMap((item, at) => ('payload' in item ? [{ ...item, n: before + at + 1 }] : []));
  const payloads = valid.map(({ payload }) => payload);
  const results = await submitMany(intake, payloads, {
    sourceOf: (index) => valid[index]?.source,
    ...(keyOf && { idempotencyKeyOf: (payload, index) => keyOf(payload, valid[index]?.n ?? 0) }),
  });
  let next = 0;
  return items.map((item) =>
    'payload' in item ? (results[next++] as SubmitResult) : refusal('INVALID_EVENT', item.problem),
  );
}

async function* inParts(
  reads: AsyncIterable<readonly ReadPayload[]>,
): AsyncGenerator<readonly ReadPayload[]> {
  for await (const read of reads) {
    for (let from = 0; from < read.length; from += MAX_EVENTS) yield read.slice(from, from + MAX_EVENTS);
  }
}
