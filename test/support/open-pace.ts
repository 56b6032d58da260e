import type { Pace } from '../../src/delivery/pace.ts';
import type { PaceExchange } from '../../src/delivery/pace-exchange.ts';
import type { Ticket } from '../../src/delivery/waiting-events.ts';

/** What requests go with while the pace is open. */
export const TICKET: Ticket = { epoch: 0, isProbe: false };

/** A pace that stays open, for tests of what stands around it. */
export function openPace(): Pace {
  const pace: Partial<Pace> = {
    isOpen: true,
    ticket: TICKET,
    exchange: { sample: undefined } as PaceExchange,
    start: async () => {},
    stop() {},
    takes: () => undefined,
    note() {},
    recover: async () => {},
    goodAt: 0,
    next: (fresh) => ({ isRetry: fresh === undefined, ticket: TICKET }),
  };
  return pace as Pace;
}
