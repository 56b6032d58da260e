/** At most `allowedShare` of the events take `thresholdMs` or longer: `p99<300ms` allows 0.01. */
export interface LatencyObjective {
  readonly kind: 'latency';
  /** As it was written, such as `p99<300ms`. */
  readonly text: string;
  /** 0 to 100, such as 99.9. */
  readonly percentile: number;
  readonly thresholdMs: number;
  readonly allowedShare: number;
}

/** At most `allowedShare` of the events are not delivered: `delivered>99.5%` allows 0.005. */
export interface DeliveredObjective {
  readonly kind: 'delivered';
  readonly text: string;
  readonly allowedShare: number;
}

/** At least so many events a second are delivered: `rate>=195/s`. */
export interface RateObjective {
  readonly kind: 'rate';
  readonly text: string;
  readonly ratePerSecond: number;
}

/** What a run is held to. */
export type Objective = LatencyObjective | DeliveredObjective | RateObjective;
