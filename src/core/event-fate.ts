/** What became of an accepted event. Times in ms since the epoch. */
export type EventFate = { readonly id: string; readonly client: string } & (
  | { readonly state: 'waiting' }
  | {
      readonly state: 'retrying';
      /** The attempt that comes next, from 1. */
      readonly attempt: number;
      readonly nextAttemptAt: number;
    }
  | {
      readonly state: 'delivered';
      readonly deliveredAt: number;
      readonly status: number;
    }
  | {
      readonly state: 'dead';
      readonly deadLetterId: string;
      readonly attempts: number;
      readonly class: string;
      /** 0: there was no status. */
      readonly status: number;
    }
);

/**
 * Finds out what became of an event, of one client or of any; undefined: nothing is known of it, or not any
 * longer.
 */
export type LookUpEvent = (id: string, client?: string) => Promise<EventFate | undefined>;
