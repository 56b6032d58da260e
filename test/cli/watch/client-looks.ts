import type { ClientLook, LookCounters } from '../../../src/queue/look-at-clients.ts';

const NOTHING = { accepted: 0, delivered: 0, failed: 0, died: 0, replayed: 0, attemptMs: 0 };

/** A look at a client of which nothing is to be told, but for these figures. */
export function lookWith(
  figures: Partial<Omit<ClientLook, 'counters'>> = {},
  counters: Partial<LookCounters> = {},
): ClientLook {
  const idle = { waiting: 0, inFlight: 0, retrying: 0, oldestMs: 0, dead: 0, broken: 0, incidents: 0 };
  return { ...idle, ...figures, counters: { ...NOTHING, ...counters } };
}
