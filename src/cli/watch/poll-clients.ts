import { type Redis, ReplyError } from 'ioredis';
import { isConnected, whyAway } from '../../queue/connections.ts';
import { countServices } from '../../queue/count-services.ts';
import { type ClientLook, lookAtClients } from '../../queue/look-at-clients.ts';
import { reasonOf } from '../../queue/until-writable.ts';

/** What one poll of Redis found, or why it found nothing. */
export type Polled =
  | {
      readonly looks: ReadonlyMap<string, ClientLook>;
      /** How many services deliver; undefined: Redis does not say. */
      readonly services: number | undefined;
    }
  | {
      /** A sentence. */
      readonly away: string;
    };

/** Redis lists all its connections for it: too much for every poll. */
const COUNT_SERVICES_EVERY_MS = 5_000;
/** How long Redis may be silent before that is told. */
const SILENT_MS = 2_000;

/**
 * Makes the poll of these clients: one round trip, never rejects, and never a second one while the first is unanswered.
 *
 * @param now ms of a monotonic clock
 */
export function createPoll(
  redis: Redis,
  clients: readonly string[],
  now: () => number,
): () => Promise<Polled> {
  let underWay: Promise<Polled> | undefined;
  let services: number | undefined;
  let countedAt: number | undefined;

  async function poll(): Promise<Polled> {
    if (!isConnected(redis)) return away(whyAway(redis));
    try {
      const counts = countedAt === undefined || now() - countedAt >= COUNT_SERVICES_EVERY_MS;
      const counting = counts ? countServices(redis) : services;
      const looks = await lookAtClients(redis, clients);
      services = await counting;
      if (counts) countedAt = now();
      return { looks, services };
    } catch (error) {
      if (error instanceof ReplyError) return { away: `Redis answers ${reasonOf(error as Error)}` };
      return away(isConnected(redis) ? 'it does not answer' : whyAway(redis));
    }
  }

  return () => {
    underWay ??= poll().finally(() => {
      underWay = undefined;
    });
    return unlessSilent(underWay);
  };
}

function away(why: string): Polled {
  return { away: `Redis cannot be reached: ${why}` };
}

function unlessSilent(poll: Promise<Polled>): Promise<Polled> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(away('it does not answer')), SILENT_MS);
    poll.then((polled) => {
      clearTimeout(timer);
      resolve(polled);
    });
  });
}
