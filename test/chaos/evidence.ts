import type { Sighting } from './protocol.ts';

/** What producers were told. Units of one `send` may be known by their number only. */
export interface Answers {
  readonly accepted: readonly number[];
  readonly refused: readonly number[];
  /** May have been taken or not. */
  readonly unknown: readonly number[];
  /** Of these units, at least so many were accepted. */
  readonly counted: readonly { readonly units: readonly number[]; readonly accepted: number }[];
}

/** A dead letter as it stood at the end. */
export interface FinalDeadLetter {
  readonly unit: number;
  /** The entries of its history. */
  readonly attempts: number;
  readonly failureClass: string;
  /** When each of them ended, oldest first; ms since the epoch. */
  readonly failedAt: readonly number[];
  readonly life: number;
}

/** A fault that was carried out, from when to when; a kill has one moment. Milliseconds since the epoch. */
export interface Disturbance {
  readonly kind: string;
  readonly at: number;
  readonly until: number;
  /** Processes that deliver and were lost by it, or lost all their locks: what they had may be repeated. */
  readonly losesDeliverers: number;
}

/** All that there is to judge by. */
export interface Evidence {
  readonly sightings: readonly Sighting[];
  readonly strange: readonly string[];
  readonly answers: Answers;
  readonly deadLetters: readonly FinalDeadLetter[];
  readonly disturbances: readonly Disturbance[];
  /** Jobs that failed by a fault of Waybill's own, as `status` counts them. */
  readonly broken: number;
  /** Where not everything came to an end in time: what was left, in words. */
  readonly undrained: string | undefined;
  /** Requests in flight for each worker, at the most. */
  readonly concurrency: number;
  /** How long after a kill what it interrupted is to be sent again at the latest, in milliseconds. */
  readonly takeoverWithinMs: number;
  /** For how long nothing may be sent while producers work. */
  readonly longestSilenceMs: number;
  /** When producers stopped, milliseconds since the epoch: from then on, silence is no fault. */
  readonly stoppedAt: number;
}

/** Tells a request that was answered with a 2xx. */
export function isDelivery([, , , , status]: Sighting): boolean {
  return status >= 200 && status < 300;
}
