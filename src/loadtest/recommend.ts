/** A setting to paste, and how it was come to. */
export interface Recommendation {
  readonly setting: 'ratePerSecond' | 'concurrency' | 'timeoutMs';
  readonly value: number;
  /** The formula with its numbers in it: `0.7 × 195/s`. */
  readonly formula: string;
}

/** What the engine should use for an endpoint. */
export interface Recommendations {
  readonly settings: readonly Recommendation[];
  /** How long an outage of 10 minutes takes to drain, in milliseconds, and for which usual rate that holds. */
  readonly drain: { readonly ms: number; readonly usualRatePerSecond: number; readonly formula: string };
}
