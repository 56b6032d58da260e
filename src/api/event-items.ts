import { type JsonSource, mayHoldOddNumber } from '../core/odd-numbers.ts';
import { readPayloads } from '../intake/read-payloads.ts';
import { hasWrongEncoding, WRONG_ENCODING } from '../intake/split-payloads.ts';
import { findJsonFault } from './json-fault.ts';
import { ProblemError } from './problems.ts';

/** An event of a request's body; `source`: its JSON, if the spelling of its numbers is checked. */
export interface ReadEvent {
  readonly line?: number | undefined;
  readonly payload: unknown;
  readonly source?: JsonSource | undefined;
  readonly idempotencyKey?: string;
}

/** An event of a request's body, or why there is none in its place. */
export type EventItem =
  | ReadEvent
  | { readonly line?: number | undefined; readonly path?: string; readonly problem: string };

/** How the media types of events are to be read. */
export interface EventFormat {
  /** One a line, read as it comes; otherwise the body is one JSON value. */
  readonly lines: boolean;
  /** Each payload is wrapped: `{"idempotencyKey": "...", "payload": {...}}`. */
  readonly wrapped: boolean;
}

/** The media types that events are taken in. */
export const EVENT_FORMATS: Readonly<Record<string, EventFormat>> = {
  'application/json': { lines: false, wrapped: false },
  'application/x-ndjson': { lines: true, wrapped: false },
  'application/vnd.waybill.events+json': { lines: false, wrapped: true },
  'application/vnd.waybill.events+x-ndjson': { lines: true, wrapped: true },
};

/** Of one request. Bounds the memory that its account takes. */
export const MAX_EVENTS = 10_000;

/**
 * Reads the events of a JSON body: one object, or an array, of which at least `MAX_EVENTS` + 1 are read.
 *
 * @returns `single`: one event that stands by itself
 * @throws ProblemError `BODY_INVALID`
 */
export async function parseEvents(
  body: Uint8Array,
  { wrapped }: EventFormat,
): Promise<{ single: boolean; items: readonly EventItem[] }> {
  const { text, value } = parseJson(body);
  const single = !Array.isArray(value);
  const isOdd = mayHoldOddNumber(text);
  let items: readonly EventItem[];
  if (single) items = [{ payload: value, source: isOdd ? { text } : undefined }];
  else if (isOdd) items = await splitArray(body);
  else items = value.slice(0, MAX_EVENTS + 1).map((payload) => ({ payload }));
  return { single, items: wrapped ? items.map(unwrap) : items };
}

/** A body is split in steps of this size, to stop soon after `MAX_EVENTS`. */
const STEP_BYTES = 64 * 1024;

async function splitArray(body: Uint8Array): Promise<EventItem[]> {
  const items: EventItem[] = [];
  for await (const read of readPayloads(stepsOf(body))) {
    for (const { line: _, ...item } of read) items.push(item);
    if (items.length > MAX_EVENTS) break;
  }
  return items;
}

async function* stepsOf(body: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += STEP_BYTES) yield body.subarray(at, at + STEP_BYTES);
}

/** Reads events as their lines come; a line that is no JSON stops no other. */
export async function* readEvents(
  chunks: AsyncIterable<Uint8Array>,
  { wrapped }: EventFormat,
): AsyncGenerator<readonly EventItem[]> {
  for await (const items of readPayloads(chunks)) yield wrapped ? items.map(unwrap) : items;
}

function unwrap(item: EventItem): EventItem {
  if ('problem' in item) return item;
  const { line, payload: wrapper, source } = item;
  const refuse = (path: string, problem: string): EventItem => ({ line, path, problem });
  if (typeof wrapper !== 'object' || wrapper === null || !Object.hasOwn(wrapper, 'payload')) {
    return refuse('$', 'must be an object with a payload, and perhaps an idempotencyKey');
  }
  const { payload, idempotencyKey, ...others } = wrapper as Record<string, unknown>;
  const [other] = Object.keys(others);
  if (other !== undefined) return refuse('$', 'has more than payload and idempotencyKey');
  const event = { line, payload, source: source && { ...source, payloadKey: 'payload' } };
  if (idempotencyKey === undefined) return event;
  if (typeof idempotencyKey !== 'string') return refuse('$.idempotencyKey', 'must be a string');
  return { ...event, idempotencyKey };
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws ProblemError `BODY_INVALID`, with the place */
function parseJson(body: Uint8Array): { text: string; value: unknown } {
  if (hasWrongEncoding(body)) throw new ProblemError('BODY_INVALID', WRONG_ENCODING);
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    throw new ProblemError('BODY_INVALID', 'the body is not valid UTF-8');
  }
  try {
    return { text, value: JSON.parse(text) };
  } catch {
    const place = findJsonFault(text);
    const where =
      place === undefined ? '' : `: it stops being so at line ${place.line}, column ${place.column}`;
    throw new ProblemError('BODY_INVALID', `the body is not JSON${where}`);
  }
}
