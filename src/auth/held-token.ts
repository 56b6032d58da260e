import type { Authorization } from './authorizer.ts';
import type { ObtainedToken } from './obtain-token.ts';

const LONGEST_RENEW_AHEAD_MS = 60_000;
const RENEW_AHEAD_PART = 0.1;
/** If this many events were refused since the last acceptance, the token is at fault; if fewer, perhaps the events. */
const TELLING_REFUSALS = 3;

/** The token in use, and what is known of it; times on the process's monotonic clock, in milliseconds. */
export class HeldToken {
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
    { lifetimeMs, expiresAt }: ObtainedToken,
    before: HeldToken | undefined,
    authorization: Authorization,
    trial: TokenTrial,
  ) {
    this.authorization = authorization;
    this.renewAt = expiresAt - Math.min(LONGEST_RENEW_AHEAD_MS, lifetimeMs * RENEW_AHEAD_PART);
    this.expiresAt = expiresAt;
    this.isReplacement = before?.isDoubted ?? false;
    this.trial = trial;
    this.previous = before?.isProven ? before : undefined;
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

/** How long requests wait for a new token to be accepted. */
const TRIAL_MS = 3_000;
/** How often another request tries it. */
const TRY_EVERY_MS = 500;

/**
 * A new token that no endpoint has accepted yet. Some gateways learn it after a second or two. One request tries it
 * each 500 ms; the others wait, for at most 3 s.
 */
export class TokenTrial {
  readonly #endsAt: number;
  readonly #sleep: (ms: number) => Promise<unknown>;
  #nextTryAt: number;
  #nextTurn: Promise<unknown> | undefined;
  /** Lets the waiting requests go on: the token was accepted, or another one has taken its place. */
  end = (): void => {};

  /** @param startedAt on the caller's monotonic clock, in milliseconds */
  constructor(startedAt: number, sleep: (ms: number) => Promise<unknown>) {
    this.#endsAt = startedAt + TRIAL_MS;
    this.#nextTryAt = startedAt;
    this.#sleep = sleep;
  }

  /** Whether any request may use the token by now, though none was accepted. */
  isOver(now: number): boolean {
    return now >= this.#endsAt;
  }

  /** Whether the caller is the one to try the token now; the next turn comes 500 ms later. */
  takeTurn(now: number): boolean {
    if (now < this.#nextTryAt) return false;
    this.#nextTryAt = now + TRY_EVERY_MS;
    return true;
  }

  /** Resolves when the next turn may be due, or the trial is over. All waiting requests share one timer. */
  nextTurn(now: number): Promise<unknown> {
    this.#nextTurn ??= this.#awaitTurn(Math.max(1, Math.min(this.#nextTryAt, this.#endsAt) - now));
    return this.#nextTurn;
  }

  async #awaitTurn(dueInMs: number): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.end = resolve;
    });
    await Promise.race([ended, this.#sleep(dueInMs)]);
    this.#nextTurn = undefined;
  }

  /** The next request tries at once: the refused event may be one that is refused with any token. */
  tryNow(now: number): void {
    this.#nextTryAt = now;
    this.end();
  }
}
