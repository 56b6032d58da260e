import { type IncidentNotice, incidentId } from '../core/incident.ts';
import type { Log } from '../core/log.ts';
import type { PendingNotice } from '../queue/incident-store.ts';
import { failuresOf, headingOf } from './describe-notice.ts';
import type { Told } from './post-notice.ts';

/** The channel that every notice goes to. */
export const LOG_CHANNEL = 'log';
/** Notices for one channel that are in hand in a process; further ones wait in Redis. */
const MOST_IN_HAND = 1_000;

/** Sends a notice to a channel. */
export type SendNotice = (notice: IncidentNotice) => Promise<Told>;

/** Tells notices, each channel by itself and one after another, so that one that hangs holds back no other. */
export interface Teller {
  /** The channels that a new notice goes to. */
  readonly channels: readonly string[];
  /** Takes a notice in hand, unless it is already or too many are. */
  take(client: string, pending: PendingNotice): void;
  /** A look begins: what was forgotten in Redis before it is not seen any more. */
  beginLook(): void;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
}

/** What a teller needs. */
export interface TellerParts {
  readonly channels: ReadonlyMap<string, SendNotice>;
  readonly log: Log;
  /** Forgets a notice that was told; rejects where Redis is away. */
  forget(client: string, field: string): Promise<void>;
}

/** Builds a teller that has nothing in hand. */
export function createTeller({ channels, log, forget }: TellerParts): Teller {
  /**
   * By client and field. One that was told stays for as long as a look that is under way may still name it: an answer
   * may be older than what was done since it was given.
   */
  const known = new Map<string, 'in hand' | 'told' | 'forgotten'>();
  const queues = new Map<string, { tail: Promise<void>; length: number }>();

  async function forgetTold(key: string, client: string, field: string): Promise<void> {
    known.set(key, 'told');
    try {
      await forget(client, field);
      known.set(key, 'forgotten');
    } catch {
      // At the next look it is still there, and is forgotten then.
    }
  }

  async function tell(client: string, { channel, notice }: PendingNotice): Promise<boolean> {
    if (channel === LOG_CHANNEL) {
      logNotice(log, notice);
      return true;
    }
    const facts = { client, incident: incidentId(notice.incident), kind: notice.kind, channel };
    // A channel that was taken out of the configuration.
    const told = await channels.get(channel)?.(notice);
    if (told === undefined)
      log.error({ ...facts, reason: 'no service has this channel' }, 'incident not told');
    if (told?.kind === 'called_off') return false;
    if (told?.kind === 'told') log.debug({ ...facts, tries: told.tries }, 'incident told');
    if (told?.kind === 'given_up')
      log.error({ ...facts, tries: told.tries, reason: told.failure }, 'incident not told');
    return true;
  }

  function enqueue(key: string, client: string, pending: PendingNotice): void {
    const queue = queues.get(pending.channel) ?? { tail: Promise.resolve(), length: 0 };
    queues.set(pending.channel, queue);
    if (queue.length >= MOST_IN_HAND) return;
    queue.length += 1;
    known.set(key, 'in hand');
    queue.tail = queue.tail.then(async () => {
      const isOver = await tell(client, pending).catch((error: unknown) => {
        log.error({ client, channel: pending.channel, err: error }, 'incident not told');
        return true;
      });
      queue.length -= 1;
      if (isOver) await forgetTold(key, client, pending.field);
      else known.delete(key);
    });
  }

  return {
    channels: [LOG_CHANNEL, ...channels.keys()],
    beginLook() {
      for (const [key, state] of known) if (state === 'forgotten') known.delete(key);
    },
    async idle() {
      await Promise.all([...queues.values()].map(({ tail }) => tail));
    },
    take(client, pending) {
      const key = `${client} ${pending.field}`;
      const state = known.get(key);
      if (state === undefined) enqueue(key, client, pending);
      else if (state === 'told') void forgetTold(key, client, pending.field);
    },
  };
}

const MESSAGES = { opened: 'incident opened', grew: 'incident grew', closed: 'incident closed' } as const;

function logNotice(log: Log, notice: IncidentNotice): void {
  const { kind, incident } = notice;
  const { client, type, count, failures, openedAt, failingSince } = incident;
  const times = {
    openedAt: new Date(openedAt).toISOString(),
    failingSince: new Date(failingSince).toISOString(),
  };
  const ended = 'closedAt' in incident ? { end: incident.end, ms: incident.closedAt - openedAt } : {};
  const facts = { client, type, incident: incidentId(incident), events: count, failures, ...times, ...ended };
  if (kind === 'closed') log.info(facts, MESSAGES[kind]);
  else log.warn({ ...facts, heading: headingOf(notice), by: failuresOf(incident) }, MESSAGES[kind]);
}
