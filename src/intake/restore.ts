import { isDeepStrictEqual } from 'node:util';
import { MAX_BATCH_BYTES } from '../config/client-config.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import type { StoredEvent } from '../core/event.ts';
import { findEventType } from '../core/event-types.ts';
import { type ExportedEvent, readExported } from '../core/exported-event.ts';
import { type Problem, toProblems } from '../core/problem.ts';
import { quoteText } from '../core/quote-text.ts';
import { validatePayload } from '../core/validate-payload.ts';
import type { CommitOutcome } from './group-commit.ts';
import { type Refused, refusal, type SubmitResult } from './submit-result.ts';
import { toResult } from './to-result.ts';

/** What a restore is made from. */
export interface RestoreParts {
  readonly clients: Readonly<Record<string, ResolvedClient>>;
  /** Writes events of one client, but for those that are there already; never rejects. */
  write(client: string, events: readonly StoredEvent[]): Promise<RestoreWrite>;
}

/** What became of the events of a write. */
export type RestoreWrite =
  | { readonly kind: 'answered'; readonly events: readonly RestoredEvent[] }
  | Exclude<CommitOutcome, { kind: 'committed' }>;

/** What became of one of them. */
export type RestoredEvent = 'restored' | 'dead_letter_stands' | 'already_sent';

interface Accepting {
  readonly client: ResolvedClient;
  readonly event: StoredEvent;
}

const MAX_NAME_LENGTH = 100;

/**
 * Takes exported events back in, under the ids that they had and with the very bytes that were sent.
 *
 * @param lines what stands in the lines of an export, parsed
 * @returns what became of each, in the same order
 */
export async function restore(
  lines: readonly unknown[],
  { clients, write }: RestoreParts,
): Promise<SubmitResult[]> {
  const results = new Map<number, SubmitResult>();
  const accepting: (Accepting & { readonly index: number })[] = [];
  for (const [index, line] of lines.entries()) {
    const taken = take(line, clients);
    if ('outcome' in taken) results.set(index, taken);
    else accepting.push({ index, ...taken });
  }
  for (const batch of batchesOf(accepting)) {
    const client = batch[0]?.client.name ?? '';
    const outcome = await write(
      client,
      batch.map(({ event }) => event),
    );
    for (const [at, { index, event }] of batch.entries()) {
      const isTold = outcome.kind === 'answered';
      results.set(
        index,
        isTold ? told(event.id, outcome.events[at] ?? 'already_sent') : toResult(event.id, outcome),
      );
    }
  }
  return lines.map((_line, index) => results.get(index) ?? refusal('INTAKE_CLOSED', 'not known'));
}

function take(line: unknown, clients: RestoreParts['clients']): Accepting | Refused {
  const read = readExported(line);
  if (!read.success) return invalid(toProblems(read.error));
  const { data } = read;
  const client = Object.hasOwn(clients, data.client) ? clients[data.client] : undefined;
  if (client === undefined) {
    const name = quoteText(data.client, MAX_NAME_LENGTH);
    return refusal('UNKNOWN_CLIENT', `client ${name} is not in the configuration`);
  }
  return takeBody(data, client);
}

function takeBody({ id, type, body, replays }: ExportedEvent, client: ResolvedClient): Accepting | Refused {
  const known = findEventType(type);
  if (known === undefined) {
    return refusal('UNKNOWN_EVENT_TYPE', `${quoteText(type, MAX_NAME_LENGTH)} is not a known event type`);
  }
  if (client.urls[type] === undefined) {
    return refusal('NO_ENDPOINT', `client "${client.name}" has no endpoint for ${type}`);
  }
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_BATCH_BYTES) {
    return refusal('EVENT_TOO_LARGE', `$.body must be at most ${MAX_BATCH_BYTES} bytes, found ${bytes}`);
  }
  let payload: unknown;
  try {
    payload = JSON.parse(body);
  } catch {
    return invalid([{ path: '$.body', message: 'must hold JSON' }]);
  }
  const valid = validatePayload(known, payload);
  if (!valid.ok) {
    return invalid(valid.problems.map(({ path, message }) => ({ path: `$.body${path.slice(1)}`, message })));
  }
  if (!isDeepStrictEqual(valid.payload, payload)) {
    return invalid([{ path: '$.body', message: 'was changed: a number stands where text is due' }]);
  }
  return { client, event: { id: id.toLowerCase(), type, unit: valid.unit, body, life: replays } };
}

function invalid(problems: readonly Problem[]): Refused {
  return { outcome: 'refused', code: 'INVALID_EVENT', problems };
}

/** Neighbours of one client, as many as its batches hold. */
function* batchesOf<Item extends Accepting>(items: readonly Item[]): Generator<Item[]> {
  let batch: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const { client, event } = item;
    const length = Buffer.byteLength(event.body);
    const isOther = batch[0] !== undefined && batch[0].client !== client;
    const isFull = batch.length >= client.batchSize || bytes + length > MAX_BATCH_BYTES;
    if (batch.length > 0 && (isOther || isFull)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += length;
  }
  if (batch.length > 0) yield batch;
}

function told(id: string, became: RestoredEvent): SubmitResult {
  switch (became) {
    case 'restored':
      return { outcome: 'accepted', id };
    case 'dead_letter_stands':
      return refusal('DEAD_LETTER_STANDS', `event ${id} is still among the dead letters: replay it there`);
    case 'already_sent':
      return refusal('ALREADY_SENT', `event ${id} was sent from an export within the last 24 h already`);
  }
}
