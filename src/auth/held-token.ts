import type { Authorization } from './authorizer.ts';
import type { ObtainedToken } from './obtain-token.ts';
import type { TokenTrial } from './token-trial.ts';

const LONGEST_RENEW_AHEAD_MS = 60_000;
const RENEW_AHEAD_PART = 0.1;
/** If this many events were refused since the last acceptance, the token is at fault; if fewer, perhaps the events. */
const TELLING_REFUSALS = 3;

/** The token in use, and what is known of it; times on the process's monotonic clock, in milliseconds. */
export class HeldToken {
  /** Names the token in all processes. */
  readonly id: string;
  readonly authorization: Authorization;
  /** From then on another one is asked for, while this one stays in use. */
  readonly renewAt: number;
  readonly expiresAt: number;
  /** It came in place of one that an endpoint had refused. */
  readonly isReplacement: boolean;
  /** Undefined: an endpoint has accepted the token. */
  trial: TokenTrial | undefined;
  /** The token before it, which stays in use during the trial. Undefined: it was refused, or there was none. */
  previous: HeldToken | undefined;
  /** Its refusal has blocked renewals: once, however many requests report it. */
  hasBlocked = false;
  readonly #refusedEvents = new Set<string>();

  constructor(
    { id, lifetimeMs, expiresAt }: ObtainedToken,
    before: HeldToken | undefined,
    authorization: Authorization,
    trial: TokenTrial,
  ) {
    const wasGood = before !== undefined && before.trial === undefined;
    this.id = id;
    this.authorization = authorization;
    this.renewAt = expiresAt - Math.min(LONGEST_RENEW_AHEAD_MS, lifetimeMs * RENEW_AHEAD_PART);
    this.expiresAt = expiresAt;
    this.isReplacement = before?.isDoubted ?? false;
    this.trial = trial;
    this.previous = wasGood && !this.isReplacement ? before : undefined;
    // One is enough: none keeps all that were before it.
    if (before !== undefined) before.previous = undefined;
  }

  /** Accepted, and nothing has cast doubt on it since. */
  get isProven(): boolean {
    return this.trial === undefined && this.#refusedEvents.size === 0;
  }

  /** Refused for an event since the last acceptance. */
  get isDoubted(): boolean {
    return this.#refusedEvents.size > 0;
  }

  /** Refused for several events in a row: no single event is to blame. */
  get isDistrusted(): boolean {
    return this.#refusedEvents.size >= TELLING_REFUSALS;
  }

  noteRefusal(eventId: string): void {
    if (!this.isDistrusted) this.#refusedEvents.add(eventId);
  }

  noteAcceptance(): void {
    this.#refusedEvents.clear();
    this.trial?.end();
    this.trial = undefined;
    this.previous = undefined;
  }
}
