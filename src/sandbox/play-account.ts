import { createHash } from 'node:crypto';
import type { Behaviour } from './answer.ts';
import type { ContractCheck } from './contract-check.ts';
import type { ReceivedRequest } from './received-request.ts';

/** One request as the sandbox tells of it. */
export interface PlayedRequest {
  readonly kind: 'delivery' | 'token';
  /** The event type; undefined for a token request, and where no endpoint is at the path. */
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
  /** The sender left before there was an answer. */
  readonly left: boolean;
  /** From its headers to its answer. */
  readonly ms: number;
  /** The event had been accepted before. */
  readonly doubled: boolean;
  /** Where the request differs from the sender's contract. */
  readonly faults: readonly string[];
}

/** Sums over all that an endpoint received. */
export interface EndpointSums {
  received: number;
  /** Events that were accepted, each once. */
  delivered: number;
  /** Acceptances of events that had been accepted before. */
  doubled: number;
  readonly byAnswer: Map<string, number>;
}

/** Sums over all that the sandbox received. */
export interface PlayAccount {
  /** By event type, by `token`, and by `elsewhere` for paths with no endpoint. */
  readonly endpoints: ReadonlyMap<string, EndpointSums>;
  /** How often each fault against the contract came. */
  readonly faults: ReadonlyMap<string, number>;
  take(request: ReceivedRequest, type: string | undefined, check: ContractCheck | undefined): PlayedRequest;
}

/** Sentences that are told apart; a sender that makes more of them has made its point. */
const MOST_FAULTS = 200;
const OTHER_BODY = 'the body differs from that of an earlier request with the same idempotency-key';

/** Makes an empty account that tells doubled events among the latest `keepIds` to twice as many. */
export function createPlayAccount(keepIds: number): PlayAccount {
  const endpoints = new Map<string, EndpointSums>();
  const faults = new Map<string, number>();
  const memory = createMemory(keepIds);

  return {
    endpoints,
    faults,
    take(request, type, check) {
      const isDelivery = check !== undefined;
      const event = isDelivery ? memory.of(request) : undefined;
      const found = faultsOf(request, check, event);
      const doubled = event?.accepted === true && isAccepted(request);
      const sums = sumsOf(endpoints, isDelivery ? (type ?? 'elsewhere') : 'token');
      addUp(sums, request, event);
      for (const fault of found) if (faults.has(fault) || faults.size < MOST_FAULTS) count(faults, fault);
      return toPlayed(request, { type, doubled, faults: found, unit: check?.unit, isDelivery });
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
function addUp(sums: EndpointSums, request: ReceivedRequest, event: RememberedEvent | undefined): void {
  const { answered } = request;
  sums.received += 1;
  count(
    sums.byAnswer,
    answered?.behaviour ?? (answered === undefined ? 'no answer' : String(answered.status)),
  );
  if (event === undefined || !isAccepted(request)) return;
  if (event.accepted) sums.doubled += 1;
  else sums.delivered += 1;
  event.accepted = true;
}

function isAccepted({ answered }: ReceivedRequest): boolean {
  return answered !== undefined && answered.status >= 200 && answered.status < 300;
}

function toPlayed(
  { method, path, eventId, headers, answered, at, finishedAt = at }: ReceivedRequest,
  told: Pick<PlayedRequest, 'type' | 'doubled' | 'faults' | 'unit'> & { readonly isDelivery: boolean },
): PlayedRequest {
  const { isDelivery, ...rest } = told;
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

/** The latest events by id: two halves, of which the older is let go when the newer is full. */
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

function sumsOf(endpoints: Map<string, EndpointSums>, name: string): EndpointSums {
  let sums = endpoints.get(name);
  if (sums === undefined) {
    sums = { received: 0, delivered: 0, doubled: 0, byAnswer: new Map() };
    endpoints.set(name, sums);
  }
  return sums;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
