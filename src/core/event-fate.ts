import type { Actor } from './audit.ts';

/** What became of an accepted event. */
export type EventFate = { readonly id: string; readonly client: string } & (
  | { readonly state: 'waiting' }
  /** It waits or is being sent: its client's jobs moved too fast to tell which. */
  | { readonly state: 'moving' }
  | {
      readonly state: 'retrying';
      /** The number of the attempt that comes next, counted from 1 in each life. */
      readonly attempt: number;
      /** ISO 8601; the moment of the look-up if the attempt is due already. */
      readonly nextAttemptAt: string;
      /** What the latest attempt came to; status 0: there was none. */
      readonly class: string;
      readonly status: number;
    }
  | {
      readonly state: 'delivered';
      /** ISO 8601 */
      readonly deliveredAt: string;
      readonly status: number;
      /** In its last life, with the one that was delivered. */
      readonly attempts: number;
    }
  | {
      readonly state: 'dead';
      /** What the commands about dead letters call it by. */
      readonly deadLetterId: string;
      /** How many attempts failed in its last life. */
      readonly attempts: number;
      /** How often it was replayed before it died again. */
      readonly replays: number;
      readonly class: string;
      /** The status of the last attempt; 0: there was none. */
      readonly status: number;
    }
  | {
      readonly state: 'discarded';
      /** ISO 8601 */
      readonly discardedAt: string;
      readonly by: Actor;
    }
);

/**
 * Finds out what became of an event of one client, or of any client. Undefined: it was never accepted, or
 * what became of it is not remembered any longer.
 */
export type LookUpEvent = (id: string, client?: string) => Promise<EventFate | undefined>;

/** As machines read it: a status that there was not is null. */
export function eventFateValue(fate: EventFate) {
  return 'status' in fate && fate.status === 0 ? { ...fate, status: null } : fate;
}
