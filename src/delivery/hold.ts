import type { ResolvedEndpoint } from '../config/config-schema.ts';
import { heldSince, type StoredEvent } from '../core/event.ts';
import type { Log } from '../core/log.ts';
import type { WithheldMark } from '../queue/withheld-mark.ts';
import type { Gate } from './gate.ts';
import type { Withheld } from './make-attempt.ts';
import type { Pace } from './pace.ts';

/** A shortage of this machine costs an event no attempt for so long. */
const LONGEST_SHORTAGE_MS = 600_000;
/** A hold is not shorter: batches would be taken and put back without a pause. */
const SHORTEST_HOLD_MS = 100;
/** The proxy is asked again after `first` ms, then after twice as long each time, up to `longest` ms. */
const PROXY_PAUSE_MS = { first: 5_000, longest: 60_000 };

/** What a hold is made from. */
export interface HoldParts {
  readonly endpoint: Pick<ResolvedEndpoint, 'client' | 'type' | 'pace'>;
  readonly gate: Pick<Gate, 'hold' | 'isHolding' | 'narrow'>;
  readonly pace: Pick<Pace, 'recover' | 'goodAt'>;
  readonly log: Log;
  /** The shortages that this process has told of. */
  readonly shortages: Set<string>;
  /** Notes in Redis why events wait, for who asks; undefined: they do not. */
  mark(mark: WithheldMark | undefined): void;
}

/**
 * Lets the events of an endpoint wait in this process: without a token, while our proxy is away, or for want of
 * something that this machine is short of. Waiting is no attempt, and ends with the longest hold. Times in ms since
 * the epoch.
 */
export class Hold {
  readonly #parts: HoldParts;
  /** When the latest attempt was made. */
  #madeAt = 0;
  /** Why events wait, and since when. */
  #present: Pick<WithheldMark, 'for' | 'since'> | undefined;
  /** How often in a row the proxy was away when it was asked. */
  #proxyHolds = 0;
  /** Nothing says that events wait: a process before this one may have ended while they did. */
  #isUnmarked = false;

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  /** An attempt was made. If it was begun after a hold, that is over. */
  made(now: number): void {
    this.#madeAt = now;
    if (this.#present !== undefined) {
      if (!this.#parts.gate.isHolding) this.#end(this.#present, now);
    } else if (!this.#isUnmarked) this.#unmark();
  }

  /** An event could not be sent. @returns whether it waits; false: the longest hold is over */
  begin(event: StoredEvent, withheld: Withheld, now: number): boolean {
    const { gate, endpoint, pace } = this.#parts;
    const { withheld: what, detail, blame, retryInMs } = withheld;
    if (this.#present?.for !== what) {
      this.#present = { for: what, since: now };
      this.#proxyHolds = 0;
      this.#tell(withheld);
    }
    const { since } = this.#present;
    const isLocal = what === 'local';
    // The latest attempt here, or the latest good answer to any process, had what is missing.
    const from = isLocal ? since : Math.max(heldSince(event), this.#madeAt, pace.goodAt);
    if (now - from >= (isLocal ? LONGEST_SHORTAGE_MS : endpoint.pace.holdMs)) return false;
    if (gate.isHolding) return true;
    // One request asks for it; its neighbours follow as it comes back.
    gate.narrow(isLocal ? undefined : 1);
    const heldMs = Math.max(SHORTEST_HOLD_MS, what === 'proxy' ? this.#nextProxyPause() : retryInMs);
    this.#parts.mark({ for: what, since, blame, detail, nextTryAt: Math.round(now + heldMs) });
    this.#isUnmarked = false;
    gate.hold(heldMs);
    return true;
  }

  #nextProxyPause(): number {
    const { first, longest } = PROXY_PAUSE_MS;
    this.#proxyHolds += 1;
    return Math.min(longest, first * 2 ** (this.#proxyHolds - 1));
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
    } else if (withheld === 'proxy') {
      log.warn({ ...facts, blame, retryInMs: PROXY_PAUSE_MS.first }, 'events wait for the proxy');
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
    if (heldFor !== 'local') void this.#parts.pace.recover(now - since);
  }
}
