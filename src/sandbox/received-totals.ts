import { createHash } from 'node:crypto';
import type { Behaviour } from './answer.ts';
import type { ContractCheck } from './contract-check.ts';
import type { ReceivedRequest } from './request-log.ts';

/** One request as `waybill sandbox` shows it. */
export interface RequestSummary {
  readonly kind: 'delivery' | 'token';
  /** The event type; undefined: a token request, or no endpoint is at the path. */
  readonly type: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly eventId: string | undefined;
  readonly unit: string | undefined;
  /** The X-Waybill-Attempt header. */
  readonly attempt: string | undefined;
  /** 0: none was sent. */
  readonly status: number;
  readonly fault: Behaviour | undefined;
  /** The sender closed the connection before there was an answer. */
  readonly left: boolean;
  /** From its headers to its answer, in milliseconds. */
  readonly ms: number;
  /** The event was accepted, and had been accepted before. */
  readonly doubled: boolean;
  /** How the request differs from the sender's contract, a sentence each. */
  readonly faults: readonly string[];
}

/** Of all that an endpoint received. */
export interface EndpointTotals {
  received: number;
  /** Events that were accepted, each once. */
  delivered: number;
  /** Acceptances of events that had been accepted before. */
  doubled: number;
  readonly byAnswer: Map<string, number>;
}

/** Of all that a scripted client received. */
export interface ReceivedTotals {
  /** By event type, by `token`, and by `elsewhere` for paths with no endpoint. */
  readonly endpoints: ReadonlyMap<string, EndpointTotals>;
  /** How often each fault against the contract came. */
  readonly faults: ReadonlyMap<string, number>;
  /** Adds a request that is over; `check` undefined: it asked for a token. */
  add(request: ReceivedRequest, type: string | undefined, check: ContractCheck | undefined): RequestSummary;
}

/** More different sentences are not kept. */
const MOST_FAULTS = 200;
const OTHER_BODY = 'the body differs from that of an earlier request with the same idempotency-key';

/** Makes empty totals. Doubled events are found among the latest `keepIds` events, or up to twice as many. */
export function createReceivedTotals(keepIds: number): ReceivedTotals {
  const endpoints = new Map<string, EndpointTotals>();
  const faults = new Map<string, number>();
  const memory = createMemory(keepIds);

  return {
    endpoints,
    faults,
    add(request, type, check) {
      const isDelivery = check !== undefined;
      const event = isDelivery ? memory.of(request) : undefined;
      const found = faultsOf(request, check, event);
      const doubled = event?.accepted === true && isAccepted(request);
      const totals = totalsOf(endpoints, isDelivery ? (type ?? 'elsewhere') : 'token');
      addUp(totals, request, event);
      for (const fault of found) if (faults.has(fault) || faults.size < MOST_FAULTS) count(faults, fault);
      return summarize(request, { type, doubled, faults: found, unit: check?.unit, isDelivery });
    },
  };
}

function faultsOf(
  { body }: ReceivedRequest,
  check: ContractCheck | undefined,
  event: RememberedEvent | undefined,
): readonly string[] {
  const faults = check?.faults ?? [];
  return event === undefined || event.digest === digestOf(body) ? faults : [...faults, OTHER_BODY];
}

/** Counts a request, and remembers that its event was accepted. */
function addUp(totals: EndpointTotals, request: ReceivedRequest, event: RememberedEvent | undefined): void {
  const { answered } = request;
  totals.received += 1;
  count(
    totals.byAnswer,
    answered?.behaviour ?? (answered === undefined ? 'no answer' : String(answered.status)),
  );
  if (event === undefined || !isAccepted(request)) return;
  if (event.accepted) totals.doubled += 1;
  else totals.delivered += 1;
  event.accepted = true;
}

function isAccepted({ answered }: ReceivedRequest): boolean {
  return answered !== undefined && answered.status >= 200 && answered.status < 300;
}

function summarize(
  { method, path, eventId, headers, answered, at, finishedAt = at }: ReceivedRequest,
  known: Pick<RequestSummary, 'type' | 'doubled' | 'faults' | 'unit'> & { readonly isDelivery: boolean },
): RequestSummary {
  const { isDelivery, ...rest } = known;
  const attempt = headers['x-waybill-attempt'];
  return {
    kind: isDelivery ? 'delivery' : 'token',
    method,
    path,
    eventId,
    attempt: typeof attempt === 'string' ? attempt : undefined,
    status: answered?.status ?? 0,
    fault: answered?.behaviour,
    left: answered === undefined,
    ms: finishedAt - at,
    ...rest,
  };
}

interface RememberedEvent {
  readonly digest: string;
  accepted: boolean;
}

/** The latest events by id, in two halves: once the newer one is full, the older one is dropped. */
function createMemory(keepIds: number) {
  let newer = new Map<string, RememberedEvent>();
  let older = new Map<string, RememberedEvent>();
  return {
    of({ eventId: id, body }: ReceivedRequest): RememberedEvent | undefined {
      if (id === undefined) return undefined;
      const known = newer.get(id) ?? older.get(id);
      const event = known ?? { digest: digestOf(body), accepted: false };
      if (!newer.has(id)) newer.set(id, event);
      if (newer.size > keepIds) {
        older = newer;
        newer = new Map();
      }
      return event;
    },
  };
}

function digestOf(body: string): string {
  return createHash('sha256').update(body).digest('base64');
}

function totalsOf(endpoints: Map<string, EndpointTotals>, name: string): EndpointTotals {
  let totals = endpoints.get(name);
  if (totals === undefined) {
    totals = { received: 0, delivered: 0, doubled: 0, byAnswer: new Map() };
    endpoints.set(name, totals);
  }
  return totals;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
