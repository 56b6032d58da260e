import type { Authorization } from './authorizer.ts';
import type { ObtainedToken } from './obtain-token.ts';

const LONGEST_RENEW_AHEAD_MS = 60_000;
const RENEW_AHEAD_PART = 0.1;
/** If this many events were refused since the last acceptance, the token is at fault; if fewer, perhaps the events. */
const TELLING_REFUSALS = 3;

/** How long a new token is on trial, and how often a request tries it meanwhile. */
const TRIAL_MS = 3_000;
const TRY_EVERY_MS = 500;

/**
 * The token in use, and what is known of it; times on the process's monotonic clock, in milliseconds.
 *
 * Until an endpoint has accepted it, it is on trial: some gateways learn a token after a second or two. One request
 * tries it each 500 ms; the others wait, for at most 3 s.
 */
export class HeldToken {
  readonly authorization: Authorization;
  /** From then on another one is asked for, while this one stays in use. */
  readonly renewAt: number;
  readonly expiresAt: number;
  /** It came in place of one that an endpoint had refused. */
  readonly isReplacement: boolean;
  isAccepted = false;
  /** The token before it, which stays in use during the trial. Undefined: it was refused, or there was none. */
  previous: HeldToken | undefined;
  /** Its refusal has blocked renewals: once, however many requests report it. */
  hasBlocked = false;
  readonly #refusedEvents = new Set<string>();
  readonly #trialEndsAt: number;
  readonly #sleep: (ms: number) => Promise<unknown>;
  #nextTryAt: number;
  #nextTurn: Promise<unknown> | undefined;
  /** Lets the waiting requests go on: it was accepted, or another one has taken its place. */
  wakeWaiters = (): void => {};

  constructor(
    { lifetimeMs, expiresAt }: ObtainedToken,
    authorization: Authorization,
    before: HeldToken | undefined,
    now: number,
    sleep: (ms: number) => Promise<unknown>,
  ) {
    this.authorization = authorization;
    this.renewAt = expiresAt - Math.min(LONGEST_RENEW_AHEAD_MS, lifetimeMs * RENEW_AHEAD_PART);
    this.expiresAt = expiresAt;
    this.isReplacement = before?.isDoubted ?? false;
    this.previous = before?.isProven ? before : undefined;
    // One is enough: none keeps all that were before it.
    if (before !== undefined) before.previous = undefined;
    this.#trialEndsAt = now + TRIAL_MS;
    this.#nextTryAt = now;
    this.#sleep = sleep;
  }

  /** Accepted, and nothing has cast doubt on it since. */
  get isProven(): boolean {
    return this.isAccepted && this.#refusedEvents.size === 0;
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
    this.isAccepted = true;
    this.previous = undefined;
    this.wakeWaiters();
  }

  isOnTrial(now: number): boolean {
    return !this.isAccepted && now < this.#trialEndsAt;
  }

  /** Whether the caller is the one to try the token now; the next turn comes 500 ms later. */
  takeTurn(now: number): boolean {
    if (now < this.#nextTryAt) return false;
    this.#nextTryAt = now + TRY_EVERY_MS;
    return true;
  }

  /** Resolves when the next turn may be due, or the trial is over. All waiting requests share one timer. */
  nextTurn(now: number): Promise<unknown> {
    this.#nextTurn ??= this.#awaitTurn(Math.max(1, Math.min(this.#nextTryAt, this.#trialEndsAt) - now));
    return this.#nextTurn;
  }

  async #awaitTurn(dueInMs: number): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.wakeWaiters = resolve;
    });
    await Promise.race([ended, this.#sleep(dueInMs)]);
    this.#nextTurn = undefined;
  }

  /** The next request tries it at once: the refused event may be one that is refused with any token. */
  tryNow(now: number): void {
    this.#nextTryAt = now;
    this.wakeWaiters();
  }
}
