/*
 * The pace of an endpoint: how fast it is sent to. All processes add up how it answers (pace-sums.ts); any of them
 * judges the sums (judge-pace.ts), and the first to write its verdict decides. Times are ms of Redis' clock, rates requests per second
 * over all processes.
 */

/** How an endpoint is: well, overloaded or failing, not answering at all, or answering again. */
export type PaceState = 'open' | 'slowed' | 'down' | 'recovering';

/** What holds for an endpoint until the next verdict. */
export interface Verdict {
  /** Grows by one with each verdict. */
  readonly number: number;
  /** Grows when answers to older requests say nothing about what follows. */
  readonly epoch: number;
  readonly state: PaceState;
  readonly since: number;
  /** In `slowed` and `recovering`; otherwise 0. */
  readonly rate: number;
  /** Slowed only: it fails altogether. Fresh events keep the rate; retries are sent as they are due. */
  readonly failing: boolean;
  /** Nothing is sent before, then one request asks; 0: there is no hold. */
  readonly holdUntil: number;
  /** Since when nothing was delivered, in `down`; otherwise 0. */
  readonly downFrom: number;

  /** The rate that it took before; growth towards it is fast. */
  readonly mark: number;
  /** Share by which the rate grows in a second; 1: it doubles every half second. */
  readonly growth: number;
  /** Delivered per second before it left `open`. */
  readonly usualRate: number;
  /** When the pace last kept something waiting. */
  readonly waitedAt: number;
  /** When this epoch began, and until when a request sent under it may still be without its timeout. */
  readonly epochFrom: number;
  readonly lagUntil: number;
  /** It opens after so long without a wait. */
  readonly openAfterMs: number;
  /** Requests in a row that asked after a hold and failed. */
  readonly asksFailed: number;
  /** Silence before this says nothing: a hold ended then. */
  readonly silentFrom: number;
  /** The share of failures that is normal until then, whatever the rate. */
  readonly normalShare: number;
  readonly normalUntil: number;
  /** The experiment under way: the rate before, its share of failures, what was delivered. Rate 0: there is none. */
  readonly triedRate: number;
  readonly triedShare: number;
  readonly triedDelivered: number;
  readonly triedOpen: boolean;
  /** No experiment before this; the pause doubles with each that found overload. */
  readonly tryAgainAt: number;
  readonly tryPauseMs: number;
}

/** `slowed` opens after so long without a wait; doubled by a relapse. */
export const OPEN_AFTER_MS = 10_000;
/** The pause after an experiment that found overload; doubled by the next one. */
export const TRY_PAUSE_MS = 3_000;

/** The verdict on an endpoint of which nothing is known. */
export const OPEN_VERDICT: Verdict = {
  number: 0,
  epoch: 0,
  state: 'open',
  since: 0,
  rate: 0,
  failing: false,
  holdUntil: 0,
  downFrom: 0,
  mark: 0,
  growth: 0,
  usualRate: 0,
  waitedAt: 0,
  epochFrom: 0,
  lagUntil: 0,
  openAfterMs: OPEN_AFTER_MS,
  asksFailed: 0,
  silentFrom: 0,
  normalShare: 0,
  normalUntil: 0,
  triedRate: 0,
  triedShare: 0,
  triedDelivered: 0,
  triedOpen: false,
  tryAgainAt: 0,
  tryPauseMs: TRY_PAUSE_MS,
};
