import { isDeepStrictEqual } from 'node:util';
import { MAX_BATCH_BYTES } from '../config/client-config.ts';
import type { StoredEvent } from '../core/event.ts';
import { readExported } from '../core/exported-event.ts';
import { type Problem, toProblems } from '../core/problem.ts';
import { validatePayload } from '../core/validate-payload.ts';
import type { Restored, RestoreOutcome } from '../queue/admit.ts';
import type { Endpoint } from '../queue/names.ts';
import { type Clients, findEndpoint, type KnownEndpoint } from './find-endpoint.ts';
import { type Refused, refusal, type SubmitResult, toFailure } from './submit-result.ts';

/** What a restore is made from. */
export interface RestoreParts {
  readonly clients: Clients;
  /** Writes events of one endpoint as one batch, but for those that are there already; never rejects. */
  write(endpoint: Endpoint, events: readonly StoredEvent[]): Promise<RestoreOutcome>;
}

interface Line {
  /** Its place among the lines. */
  readonly index: number;
  readonly endpoint: KnownEndpoint;
  readonly event: StoredEvent;
}

/**
 * Takes exported events back in, under the ids that they had and with the very bytes that were sent. Events of one
 * endpoint are written in their order.
 *
 * @param lines the lines of an export, parsed
 * @returns what became of each line, in the same order
 */
export async function restore(
  lines: readonly unknown[],
  { clients, write }: RestoreParts,
): Promise<SubmitResult[]> {
  const results: SubmitResult[] = [];
  const byEndpoint = new Map<string, Line[]>();
  for (const [index, value] of lines.entries()) {
    const read = readLine(value, clients);
    if ('outcome' in read) {
      results[index] = read;
      continue;
    }
    const name = `${read.endpoint.client.name} ${read.event.type}`;
    const others = byEndpoint.get(name);
    if (others === undefined) byEndpoint.set(name, [{ index, ...read }]);
    else others.push({ index, ...read });
  }
  for (const batch of [...byEndpoint.values()].flatMap((group) => [...batchesOf(group)])) {
    const { client, type } = batch[0].endpoint;
    const events = batch.map(({ event }) => event);
    const outcome = await write({ client: client.name, type: type.name }, events);
    for (const [at, { index, event }] of batch.entries()) results[index] = toResult(event.id, at, outcome);
  }
  return results;
}

function readLine(value: unknown, clients: Clients): Omit<Line, 'index'> | Refused {
  const read = readExported(value);
  if (!read.success) return invalid(toProblems(read.error));
  const { id, client, type, body, replays } = read.data;
  const endpoint = findEndpoint(clients, client, type);
  if ('outcome' in endpoint) return endpoint;
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
  const valid = validatePayload(endpoint.type, payload);
  if (!valid.ok) {
    return invalid(valid.problems.map(({ path, message }) => ({ path: `$.body${path.slice(1)}`, message })));
  }
  if (!isDeepStrictEqual(valid.payload, payload)) {
    return invalid([{ path: '$.body', message: 'was changed: a number stands where text is due' }]);
  }
  return { endpoint, event: { id: id.toLowerCase(), type, unit: valid.unit, body, life: replays } };
}

function invalid(problems: readonly Problem[]): Refused {
  return { outcome: 'refused', code: 'INVALID_EVENT', problems };
}

/** Neighbours of one endpoint, as many as its batches hold. */
function* batchesOf([first, ...rest]: readonly Line[]): Generator<[Line, ...Line[]]> {
  if (first === undefined) return;
  let batch: [Line, ...Line[]] = [first];
  let bytes = Buffer.byteLength(first.event.body);
  for (const line of rest) {
    const length = Buffer.byteLength(line.event.body);
    if (batch.length >= first.endpoint.client.batchSize || bytes + length > MAX_BATCH_BYTES) {
      yield batch;
      batch = [line];
      bytes = length;
    } else {
      batch.push(line);
      bytes += length;
    }
  }
  yield batch;
}

function toResult(id: string, at: number, outcome: RestoreOutcome): SubmitResult {
  if (outcome.kind !== 'answered') return toFailure(id, undefined, outcome);
  const restored: Restored = outcome.events[at] ?? 'already_sent';
  switch (restored) {
    case 'restored':
      return { outcome: 'accepted', id };
    case 'dead_letter_stands':
      return refusal('DEAD_LETTER_STANDS', `event ${id} is still among the dead letters: replay it there`);
    case 'already_sent':
      return refusal('ALREADY_SENT', `event ${id} was sent from an export within the last 24 h already`);
  }
}
