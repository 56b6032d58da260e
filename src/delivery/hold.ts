import type { ResolvedEndpoint } from '../config/config-schema.ts';
import { heldSince, type StoredEvent } from '../core/event.ts';
import type { Log } from '../core/log.ts';
import type { Classification } from '../core/outcome.ts';
import { retryAfterMs } from '../core/retry-after.ts';
import type { WithheldMark } from '../queue/withheld-mark.ts';
import type { Gate } from './gate.ts';
import type { Withheld } from './make-attempt.ts';

/** A shortage of this machine costs an event no attempt for so long. */
const LONGEST_SHORTAGE_MS = 600_000;
/** This many answers in a row with `Retry-After` are about the endpoint, not about their events. */
const IN_A_ROW = 3;
/** For `Retry-After` nothing is sent for so long, at most; then one request asks. */
const LONGEST_DECLARED_MS = 60_000;
/** A hold is not shorter: batches would be taken and put back without a pause. */
const SHORTEST_HOLD_MS = 100;

/** What a hold is made from. */
export interface HoldParts {
  readonly endpoint: Pick<ResolvedEndpoint, 'client' | 'type' | 'pace'>;
  readonly gate: Pick<Gate, 'hold' | 'isHolding' | 'narrow'>;
  readonly log: Log;
  /** The shortages that this process has told of. */
  readonly shortages: Set<string>;
  /** Notes in Redis why events wait, for who asks; undefined: they do not. */
  mark(mark: WithheldMark | undefined): void;
}

/**
 * Lets the events of an endpoint wait in this process: without a token; for want of something that this machine is
 * short of; or since the endpoint keeps saying `Retry-After`. Waiting is no attempt, and ends with the longest hold.
 * Times in ms since the epoch.
 */
export class Hold {
  readonly #parts: HoldParts;
  /** When the latest attempt was made. */
  #madeAt = 0;
  /** Why events wait, and since when. */
  #present: Pick<WithheldMark, 'for' | 'since'> | undefined;
  /** Nothing says that events wait: a process before this one may have ended while they did. */
  #isUnmarked = false;
  /** Answers with `Retry-After` in a row. */
  #declared = 0;

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  /** An attempt was made. If it was begun after a hold, that may be over. */
  made(classification: Classification, now: number): void {
    const { endpoint, gate } = this.#parts;
    this.#madeAt = now;
    if (classification.kind === 'failed' && endpoint.pace.mode === 'adaptive') {
      const ms = retryAfterMs(classification.retryAfter, now);
      if (ms > 0) {
        this.#heed(classification, ms, now);
        return;
      }
    }
    this.#declared = 0;
    if (this.#present !== undefined) {
      if (!gate.isHolding) this.#end(this.#present, now);
    } else if (!this.#isUnmarked) this.#unmark();
  }

  /** An event could not be sent. @returns whether it waits; false: the longest hold is over */
  begin(event: StoredEvent, withheld: Withheld, now: number): boolean {
    const { gate, endpoint } = this.#parts;
    const { withheld: what, detail, blame, retryInMs } = withheld;
    if (this.#present?.for !== what) {
      this.#present = { for: what, since: now };
      this.#tell(withheld);
    }
    const { since } = this.#present;
    const isLocal = what === 'local';
    const from = isLocal ? since : Math.max(heldSince(event), this.#madeAt);
    if (now - from >= (isLocal ? LONGEST_SHORTAGE_MS : endpoint.pace.holdMs)) return false;
    if (gate.isHolding) return true;
    if (isLocal) gate.narrow();
    this.#hold({ for: what, since, blame, detail }, retryInMs, now);
    return true;
  }

  /** If the endpoint says it often, nothing is sent before then; one request asks then, and the next ones follow it. */
  #heed({ status, retryAfter }: Extract<Classification, { kind: 'failed' }>, ms: number, now: number): void {
    const { gate, endpoint, log } = this.#parts;
    const { client, type, pace } = endpoint;
    this.#declared += 1;
    if (this.#present?.for !== 'retry_after') {
      if (this.#declared < IN_A_ROW) return;
      this.#present = { for: 'retry_after', since: now };
      log.warn({ client, type, status, retryAfter }, 'endpoint says Retry-After: events wait');
    }
    const { since } = this.#present;
    if (now - since >= pace.holdMs) return;
    const detail = `the endpoint answers ${status} with Retry-After: ${retryAfter}`;
    gate.narrow(1);
    this.#hold(
      { for: 'retry_after', since, blame: 'endpoint', detail },
      Math.min(ms, LONGEST_DECLARED_MS),
      now,
    );
  }

  #hold(why: Omit<WithheldMark, 'nextTryAt'>, ms: number, now: number): void {
    const { gate, mark } = this.#parts;
    const heldMs = Math.max(SHORTEST_HOLD_MS, ms);
    if (!gate.isHolding) mark({ ...why, nextTryAt: Math.round(now + heldMs) });
    this.#isUnmarked = false;
    gate.hold(heldMs);
  }

  #unmark(): void {
    this.#isUnmarked = true;
    this.#parts.mark(undefined);
  }

  #tell({ withheld, detail, blame, retryInMs }: Withheld): void {
    const { log, endpoint, shortages } = this.#parts;
    const { client, type } = endpoint;
    const facts = { client, type, reason: detail };
    if (withheld === 'token') {
      log.warn({ ...facts, blame, retryInMs: Math.round(retryInMs) }, 'events wait for a token');
    } else if (!shortages.has(detail)) {
      shortages.add(detail);
      log.warn(facts, 'this machine is short of something: fewer requests at once');
    }
  }

  #end({ for: heldFor, since }: Pick<WithheldMark, 'for' | 'since'>, now: number): void {
    const { log, endpoint, shortages } = this.#parts;
    const { client, type } = endpoint;
    this.#present = undefined;
    shortages.clear();
    this.#unmark();
    log.info({ client, type, heldFor, ms: now - since }, 'events are sent again');
  }
}
