/** When a failed event is tried again; durations in milliseconds. */
export interface RetryPolicy {
  /** Attempts after the first one. */
  readonly retries: number;
  readonly baseDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  /** How much each delay varies either way: 0.1 is 10 %. */
  readonly jitter: number;
}

/**
 * The delay before retry n: `min(maxDelay, base · factor^(n-1))`, ± jitter, never beyond maxDelay.
 *
 * @param retry counted from 1
 * @param random in [0, 1): where in the jitter's range the delay falls
 * @returns whole milliseconds
 */
export function backoffMs(policy: RetryPolicy, retry: number, random: number): number {
  const plain = Math.min(policy.maxDelayMs, policy.baseDelayMs * policy.factor ** (retry - 1));
  const spread = plain * policy.jitter * (2 * random - 1);
  return Math.min(policy.maxDelayMs, Math.round(plain + spread));
}

/** How long all delays of a life take together, without jitter; milliseconds. */
export function totalDelayMs(policy: RetryPolicy): number {
  let total = 0;
  for (let retry = 1; retry <= policy.retries; retry += 1) total += backoffMs(policy, retry, 0.5);
  return total;
}
