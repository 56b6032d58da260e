import type { Authorization } from './authorizer.ts';
import type { ObtainedToken } from './obtain-token.ts';
import type { TokenTrial } from './token-trial.ts';

const LONGEST_RENEW_AHEAD_MS = 60_000;
const RENEW_AHEAD_PART = 0.1;

/** The token at hand, and what is known of it; times on the process's monotonic clock, in milliseconds. */
export interface HeldToken {
  /** Names the token in all processes. */
  readonly id: string;
  readonly authorization: Authorization;
  /** From then on another one is asked for, while this one stays in use. */
  readonly renewAt: number;
  readonly expiresAt: number;
  /** It came in place of one that an endpoint had refused. */
  readonly isReplacement: boolean;
  /** The one before it was accepted until a related token was taken up, and not afterwards. */
  readonly followsVoided: boolean;
  /** Undefined: any request may use it. */
  trial: TokenTrial | undefined;
  accepted: boolean;
  /** Refusals since the last acceptance. */
  refusals: number;
  /** Its refusal has blocked renewals: once, however many requests report it. */
  refusalCounted: boolean;
  /** Accepted, with nothing to note at the next acceptance. */
  proven: boolean;
  /** A token with the same client id was taken up since the last acceptance. */
  relatedTaken: boolean;
}

/** Makes the token that takes the place of `before`. */
export function holdToken(
  { id, lifetimeMs, expiresAt }: ObtainedToken,
  before: HeldToken | undefined,
  authorization: Authorization,
  trial: TokenTrial,
): HeldToken {
  const isReplacement = before !== undefined && before.refusals > 0;
  return {
    id,
    authorization,
    renewAt: expiresAt - Math.min(LONGEST_RENEW_AHEAD_MS, lifetimeMs * RENEW_AHEAD_PART),
    expiresAt,
    isReplacement,
    followsVoided: isReplacement && before.accepted && before.relatedTaken,
    trial,
    accepted: false,
    refusals: 0,
    refusalCounted: false,
    proven: false,
    relatedTaken: false,
  };
}
