import type { SettleCommand } from '../../../src/queue/settle.ts';

/** The time of these settlements, ms since the epoch. */
export const NOW = 1_000_000;

/** Completes a taken batch of which nothing is left. */
export function completion(
  taken: { readonly id: string; readonly token: string } | undefined,
): SettleCommand {
  return {
    jobId: taken?.id ?? '',
    token: taken?.token ?? '',
    now: NOW,
    action: 'complete',
    settlement: { dead: [], apart: [], stay: [] },
    counters: new Map(),
  };
}
