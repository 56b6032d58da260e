import type {
  Aborted,
  Answer,
  AttemptResult,
  FailureClass,
  KeptHeaders,
  ProxyAway,
  Shortage,
} from './attempt-result.ts';
import { backoffMs, type RetryPolicy } from './backoff.ts';
import { heldSince, type StoredEvent } from './event.ts';
import { retryAfterMs } from './retry-after.ts';

/** What an attempt came to, before it is decided what follows. */
export type Classification =
  | {
      readonly kind: 'delivered';
      readonly status: number;
      readonly isWebPage?: true;
      /** The start of the response, if the request keeps it. */
      readonly response?: string;
    }
  | {
      readonly kind: 'failed';
      readonly failureClass: FailureClass;
      /** 0: there was no status. */
      readonly status: number;
      /** The start of the response, or the reason that there was none. */
      readonly response: string;
      readonly retryAfter?: string;
      /** Where a redirect leads. */
      readonly location?: string;
      readonly headers?: KeptHeaders;
    };

/** What the response of a redirect begins with, before the URL that it leads to. */
export const REDIRECTS_TO = 'redirects to ';

/** Statuses on which `Retry-After` is heeded. */
const DECLARED_LIMITS = new Set([429, 503]);

function classOfStatus(status: number): FailureClass {
  if (status === 401) return 'unauthorized';
  if (status < 200) return 'not_http';
  if (status < 400) return 'redirect';
  if (status < 500) return 'client_error';
  return 'server_error';
}

function delivered({ status, body, isWebPage }: Answer): Classification {
  // As nearly all are.
  if (!isWebPage && body === '') return { kind: 'delivered', status };
  return {
    kind: 'delivered',
    status,
    ...(isWebPage && { isWebPage }),
    ...(body !== '' && { response: body }),
  };
}

/** The table of README, "What becomes of an event": any 2xx is delivered, everything else failed. */
export function classify(result: Exclude<AttemptResult, Aborted | Shortage | ProxyAway>): Classification {
  if (result.kind !== 'answer') {
    const { failureClass, detail } = result;
    const status = result.kind === 'unsent' ? (result.status ?? 0) : 0;
    return { kind: 'failed', failureClass, status, response: detail };
  }
  const { status, body, retryAfter, location, headers } = result;
  if (status >= 200 && status < 300) return delivered(result);
  return {
    kind: 'failed',
    failureClass: classOfStatus(status),
    status,
    response: location === undefined ? body : `${REDIRECTS_TO}${location}\n${body}`.trimEnd(),
    ...(retryAfter !== undefined && DECLARED_LIMITS.has(status) ? { retryAfter } : {}),
    ...(location === undefined ? {} : { location }),
    ...(headers === undefined ? {} : { headers }),
  };
}

/** What an event comes to whose processes were lost too often. */
export const CRASHED: Classification = {
  kind: 'failed',
  failureClass: 'crash',
  status: 0,
  response: 'the process that handled this event was lost fourteen times',
};

/** What follows an attempt. Times in ms since the epoch. */
export type Outcome =
  | { readonly kind: 'delivered'; readonly status: number }
  | { readonly kind: 'retry'; readonly dueAt: number }
  | { readonly kind: 'dead' };

/** What a decision is made from; `random` in [0, 1) places the delay within its jitter. */
export interface DecideInput {
  readonly classification: Classification;
  /** The number of the attempt that has just ended, counted from 1 in each life. */
  readonly attempt: number;
  readonly policy: RetryPolicy;
  /** When the attempt ended, ms since the epoch. */
  readonly now: number;
  readonly random: number;
}

/**
 * Decides what becomes of an event after an attempt. Every failure class is handled alike: five retries by default, then
 * dead; only a crash is not retried. `Retry-After` lengthens a delay, by an hour and to maxDelay at most, and never shortens
 * it; jitter makes it longer still, so that those who were told the same time do not all come back at it.
 */
export function decide({ classification, attempt, policy, now, random }: DecideInput): Outcome {
  if (classification.kind === 'delivered') return { kind: 'delivered', status: classification.status };
  if (attempt > policy.retries || classification.failureClass === 'crash') return { kind: 'dead' };
  const wished = retryAfterMs(classification.retryAfter, now) * (1 + policy.jitter * random);
  const delay = Math.max(backoffMs(policy, attempt, random), Math.min(Math.round(wished), policy.maxDelayMs));
  return { kind: 'retry', dueAt: now + delay };
}

const HOUR_MS = 3_600_000;

/**
 * Decides whether an event is too old to be sent. Its age counts from its acceptance or its latest replay.
 *
 * @param now ms since the epoch
 */
export function isExpired(event: StoredEvent, maxAgeHours: number, now: number): boolean {
  return now - heldSince(event) > maxAgeHours * HOUR_MS;
}

/** A batch is split once this many processes were lost with it. An event alone is suspected from then on. */
const LOSSES_TO_SUSPECT = 3;
/** An event alone is given up on once this many processes were lost with it. */
const LOSSES_TO_DIE = 11;

/**
 * Decides what becomes of a batch whose processes were lost, so that an event which ends the process that handles it
 * does not come back for ever. Neighbours are lost with it, so a suspected event is sent beside no other one: it
 * waits while another one is under way in this process.
 *
 * @param losses processes that were lost with the batch since one of its events was last settled
 */
export function decideAfterLosses(
  events: number,
  losses: number,
  isAnotherUnderWay: boolean,
): 'send' | 'send_suspected' | 'wait' | 'split' | 'dead' {
  if (losses < LOSSES_TO_SUSPECT) return 'send';
  if (events > 1) return 'split';
  if (losses >= LOSSES_TO_DIE) return 'dead';
  return isAnotherUnderWay ? 'wait' : 'send_suspected';
}
