/** Stop where more than a share (0 to 1) of what finished in the last `windowMs` failed. */
export interface AbortRule {
  /** As it was written, such as `failed>20% for 3s`. */
  readonly text: string;
  readonly share: number;
  readonly windowMs: number;
}

/** What finished since the row before. */
export interface FinishedRow {
  /** When the row ended, in milliseconds from the start. */
  readonly atMs: number;
  readonly finished: number;
  readonly failed: number;
}
