import { pino } from 'pino';
import { noNews } from '../../../src/core/pace-sums.ts';
import { Gate } from '../../../src/delivery/gate.ts';
import { Pace } from '../../../src/delivery/pace.ts';
import type { Ticket } from '../../../src/delivery/waiting-events.ts';

const SLOTS = 64;

const fail = async (): Promise<never> => {
  throw new Error('nothing is told while an endpoint is well');
};

/**
 * Takes so many events through a gate in `open`, one after another, and notes that each was delivered.
 *
 * @returns µs an event
 */
export function timeGate(events: number): number {
  const pace = new Pace({
    endpoint: {
      ...{ client: 'acme', type: 'inventory_receipt', concurrency: SLOTS, timeoutMs: 15_000 },
      pace: { mode: 'adaptive', holdMs: 120_000, minPerSecond: 0 },
    },
    name: 'gate-loop',
    log: pino({ level: 'silent' }),
    ...{ tell: fail, write: fail },
    onChange() {},
    onError() {},
    now: Date.now,
    monotonicNow: () => performance.now(),
  });
  const gate = new Gate(SLOTS, [], pace);
  const waiter = { isRetry: false, heldSince: 0, isWanted: () => true };
  const delivered = { kind: 'delivered', status: 200 } as const;
  let granted = 0;
  const onTurn = (ticket: Ticket | undefined): void => {
    if (ticket === undefined) return;
    granted += 1;
    pace.note(true, delivered, 3, ticket);
    gate.release(ticket);
  };
  const began = performance.now();
  for (let n = 0; n < events; n += 1) {
    gate.add(1, false);
    gate.acquire(waiter, onTurn);
  }
  const ms = performance.now() - began;
  const { ok } = pace.exchange.newsToSettle() ?? noNews(0);
  if (granted !== events || ok !== events)
    throw new Error(`of ${events} events the gate let ${granted} through, and ${ok} were noted`);
  return (ms * 1_000) / events;
}
