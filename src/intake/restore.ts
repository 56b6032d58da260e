import { isDeepStrictEqual } from 'node:util';
import { MAX_BATCH_BYTES } from '../config/client-config.ts';
import type { StoredEvent } from '../core/event.ts';
import { readExported } from '../core/exported-event.ts';
import { groupBy } from '../core/group-by.ts';
import { type Problem, toProblems } from '../core/problem.ts';
import { validatePayload } from '../core/validate-payload.ts';
import type { Restored, RestoreOutcome } from '../queue/admit.ts';
import type { FoundDelivered } from '../queue/find-delivered.ts';
import type { Endpoint } from '../queue/names.ts';
import { type Clients, findEndpoint, type KnownEndpoint } from './find-endpoint.ts';
import { type Refused, refusal, type SubmitResult, toFailure } from './submit-result.ts';

/** What a restore is made from. */
export interface RestoreParts {
  readonly clients: Clients;
  /** Takes events in that were delivered since their export, too. */
  readonly again: boolean;
  /** Which of a client's events were delivered; never rejects. */
  findDelivered(client: string, ids: readonly string[]): Promise<FoundDelivered>;
  /**
   * Writes events of one endpoint as one batch, but for those that are there already; never rejects.
   *
   * @param delivered ids of the delivered events that are taken in again; undefined: delivered ones are not
   */
  write(
    endpoint: Endpoint,
    events: readonly StoredEvent[],
    delivered?: ReadonlySet<string>,
  ): Promise<RestoreOutcome>;
}

interface Line {
  /** Its place among the lines. */
  readonly index: number;
  readonly endpoint: KnownEndpoint;
  readonly event: StoredEvent;
}

/**
 * Takes exported events back in, under the ids that they had and with the very bytes that were sent; not those that
 * were delivered since, as far as that is remembered. Events of one endpoint are written in their order.
 *
 * @param lines the lines of an export, parsed
 * @returns what became of each line, in the same order
 */
export async function restore(lines: readonly unknown[], parts: RestoreParts): Promise<SubmitResult[]> {
  const results: SubmitResult[] = [];
  const read: Line[] = [];
  for (const [index, value] of lines.entries()) {
    const line = readLine(value, parts.clients);
    if ('outcome' in line) results[index] = line;
    else read.push({ index, ...line });
  }
  for (const [client, group] of groupBy(read, ({ endpoint }) => endpoint.client.name)) {
    const found = await parts.findDelivered(
      client,
      group.map(({ event }) => event.id),
    );
    for (const [index, result] of await restoreOfClient(group, found, parts)) results[index] = result;
  }
  return results;
}

/** Takes in events of one client. @returns results with the index of their line */
async function restoreOfClient(
  lines: readonly Line[],
  found: FoundDelivered,
  { again, write }: RestoreParts,
): Promise<Map<number, SubmitResult>> {
  if (found.kind !== 'answered') {
    return new Map(lines.map(({ index, event }) => [index, toFailure(event.id, undefined, found)]));
  }
  const { deliveredAt } = found;
  const delivered = again ? new Set(deliveredAt.keys()) : undefined;
  const results = new Map<number, SubmitResult>();
  const left: Line[] = [];
  for (const line of lines) {
    const at = deliveredAt.get(line.event.id);
    if (at === undefined || again) left.push(line);
    else results.set(line.index, refuseDelivered(line.event.id, at));
  }
  const groups = groupBy(left, ({ event }) => event.type).values();
  for (const batch of [...groups].flatMap((group) => [...batchesOf(group)])) {
    const { client, type } = batch[0].endpoint;
    const events = batch.map(({ event }) => event);
    const outcome = await write({ client: client.name, type: type.name }, events, delivered);
    for (const [n, { index, event }] of batch.entries()) results.set(index, toResult(event.id, n, outcome));
  }
  return results;
}

function refuseDelivered(id: string, at: number): Refused {
  const time = new Date(at).toISOString();
  return refusal(
    'ALREADY_DELIVERED',
    `event ${id} was delivered at ${time} already; --again sends it all the same`,
  );
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
