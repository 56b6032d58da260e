import type { ClientView } from '../../../src/queue/client-view.ts';

/** What was counted of a client's events, ever. */
export type Counters = Pick<ClientView, 'accepted' | 'delivered' | 'replayed' | 'attemptMs'> & {
  readonly failed: number;
  readonly died: number;
};

const NOTHING = {
  ...{ waiting: 0, inFlight: 0, retrying: 0, dead: 0, delivered: 0, accepted: 0, replayed: 0, discarded: 0 },
  ...{ deliveredByType: {}, broken: 0, oldestMs: 0, attemptMs: 0, incidents: [], endpoints: {}, repeats: {} },
};

/** A view of a client of which nothing is to be told, but for these figures. */
export function viewWith(figures: Partial<ClientView> = {}, counters: Partial<Counters> = {}): ClientView {
  const { failed = 0, died = 0, ...others } = counters;
  const classes = { failedAttempts: { timeout: failed }, diedByClass: { timeout: died } };
  return { ...NOTHING, ...classes, ...others, ...figures };
}
