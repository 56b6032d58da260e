import { backoffMs, type RetryPolicy } from './backoff.ts';
import type { Classification } from './classify.ts';
import { parseRetryAfter } from './retry-after.ts';

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
 * Decides what becomes of an event after an attempt: every failure class is handled alike, five retries
 * by default, then dead (contract, part 1); only a crash is no answer to retry. `Retry-After` lengthens a delay up to maxDelay, never shortens it.
 */
export function decide({ classification, attempt, policy, now, random }: DecideInput): Outcome {
  if (classification.kind === 'delivered') return { kind: 'delivered', status: classification.status };
  if (attempt > policy.retries || classification.failureClass === 'crash') return { kind: 'dead' };
  const wished = parseRetryAfter(classification.retryAfter, now) ?? 0;
  const delay = Math.max(backoffMs(policy, attempt, random), Math.min(wished, policy.maxDelayMs));
  return { kind: 'retry', dueAt: now + delay };
}

/** A batch is split once so many processes were lost with it; an event alone is suspected from then on. */
const LOSSES_TO_SUSPECT = 3;
/** An event alone is given up on once so many processes were lost with it. */
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
