import { hash } from 'node:crypto';
import type { Behaviour } from './answer.ts';
import type { ContractCheck } from './contract-check.ts';
import { type Answered, count, forgetOldest, type ReceivedRequest } from './request-log.ts';

/** One request as `waybill sandbox` shows it. */
export interface RequestSummary
  extends Pick<ReceivedRequest, 'method' | 'path' | 'eventId' | 'body'>,
    Pick<ContractCheck, 'unit' | 'faults'> {
  readonly kind: 'delivery' | 'token';
  /** The event type; undefined: a token request, or no endpoint is at the path. */
  readonly type: string | undefined;
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

interface RememberedEvent {
  readonly digest: string;
  accepted: boolean;
}

/** More different faults are not kept. */
const MOST_FAULTS = 200;
const OTHER_BODY = 'the body differs from that of an earlier request with the same idempotency-key';

/** Of all that a scripted client received. */
export class ReceivedTotals {
  /** By event type, by `token`, and by `elsewhere` for paths with no endpoint. */
  readonly endpoints = new Map<string, EndpointTotals>();
  /** How often each fault against the contract came. */
  readonly faults = new Map<string, number>();
  readonly #keepIds: number;
  readonly #events = new Map<string, RememberedEvent>();

  /** Finds doubled events among the latest `keepIds` events, or up to twice as many. */
  constructor(keepIds: number) {
    this.#keepIds = keepIds;
  }

  /** Adds a request that is over; `check` undefined: it asked for a token. */
  add(request: ReceivedRequest, check: ContractCheck | undefined): RequestSummary {
    const { method, path, eventId, body, headers, answered, at, finishedAt = at } = request;
    const type = check?.type?.name;
    const event = check && this.#eventOf(request);
    const isOther = event !== undefined && event.digest !== hash('sha256', body);
    const faults = [...(check?.faults ?? []), ...(isOther ? [OTHER_BODY] : [])];
    for (const fault of faults) {
      if (this.faults.has(fault) || this.faults.size < MOST_FAULTS) count(this.faults, fault);
    }
    const attempt = headers['x-waybill-attempt'];
    return {
      kind: check === undefined ? 'token' : 'delivery',
      ...{ method, path, eventId, body, type, unit: check?.unit, faults },
      attempt: typeof attempt === 'string' ? attempt : undefined,
      status: answered?.status ?? 0,
      fault: answered?.behaviour,
      left: answered === undefined,
      ms: finishedAt - at,
      doubled: this.#countAnswer(check === undefined ? 'token' : (type ?? 'elsewhere'), answered, event),
    };
  }

  /** @returns whether the event was accepted, and had been accepted before */
  #countAnswer(name: string, answered: Answered | undefined, event: RememberedEvent | undefined): boolean {
    const totals = this.endpoints.get(name) ?? { received: 0, delivered: 0, doubled: 0, byAnswer: new Map() };
    this.endpoints.set(name, totals);
    totals.received += 1;
    count(totals.byAnswer, answered?.behaviour ?? (answered ? String(answered.status) : 'no answer'));
    const isAccepted = answered !== undefined && answered.status >= 200 && answered.status < 300;
    if (event === undefined || !isAccepted) return false;
    const doubled = event.accepted;
    totals[doubled ? 'doubled' : 'delivered'] += 1;
    event.accepted = true;
    return doubled;
  }

  #eventOf({ eventId: id, body }: ReceivedRequest): RememberedEvent | undefined {
    if (id === undefined) return undefined;
    const event = this.#events.get(id) ?? { digest: hash('sha256', body), accepted: false };
    // Again at the end: it is the latest one now.
    this.#events.delete(id);
    this.#events.set(id, event);
    forgetOldest(this.#events, this.#keepIds);
    return event;
  }
}
