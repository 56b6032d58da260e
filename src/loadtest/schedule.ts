/** A stretch of a plan whose rate goes evenly from one to another, in events per second. */
export interface Stage {
  readonly durationMs: number;
  readonly fromRate: number;
  readonly toRate: number;
}

/** How arrivals are spaced: evenly, or at random as independent senders would (seeded). */
export interface ArrivalOptions {
  readonly arrivals: 'constant' | 'poisson';
  /** Of the random gaps; the same seed gives the same schedule. */
  readonly seed: number;
}

/** When each event is meant to be sent. */
export interface Schedule {
  /** How many arrivals there are. */
  readonly total: number;
  readonly durationMs: number;
  /** When arrival n (from 0) is due, in milliseconds from the start; ask in ascending order, which is cheap. */
  intendedAt(n: number): number;
  /** The planned rate at a time, in events per second; 0 outside the plan. */
  rateAt(ms: number): number;
}
