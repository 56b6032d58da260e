import { type Redis, ReplyError } from 'ioredis';
import { isConnected, whyAway } from '../../queue/connections.ts';
import { countServices } from '../../queue/count-services.ts';
import { lookAtClients } from '../../queue/look-at-clients.ts';
import { reasonOf } from '../../queue/until-writable.ts';
import type { Seen } from './watch-tick.ts';

/** Redis lists all its connections for it: not at every look. */
const COUNT_SERVICES_EVERY_MS = 5_000;
/** How long Redis may be silent before that is told. */
const SILENT_MS = 2_000;

/**
 * Builds the look at all these clients: one round trip, never rejects, and never a second one while Redis still owes
 * the answer to the first.
 *
 * @param now ms of a clock that never goes back
 */
export function openLook(redis: Redis, clients: readonly string[], now: () => number): () => Promise<Seen> {
  let underWay: Promise<Seen> | undefined;
  let services: number | undefined;
  let countedAt: number | undefined;

  async function look(): Promise<Seen> {
    if (!isConnected(redis)) return away(whyAway(redis));
    try {
      const counts = countedAt === undefined || now() - countedAt >= COUNT_SERVICES_EVERY_MS;
      const counting = counts ? countServices(redis) : services;
      const looks = await lookAtClients(redis, clients);
      services = await counting;
      if (counts) countedAt = now();
      return { kind: 'seen', looks, services };
    } catch (error) {
      if (error instanceof ReplyError)
        return { kind: 'away', reason: `Redis answers ${reasonOf(error as Error)}` };
      return away(isConnected(redis) ? 'it does not answer' : whyAway(redis));
    }
  }

  return () => {
    underWay ??= look().finally(() => {
      underWay = undefined;
    });
    return unlessSilent(underWay);
  };
}

function away(why: string): Seen {
  return { kind: 'away', reason: `Redis cannot be reached: ${why}` };
}

function unlessSilent(look: Promise<Seen>): Promise<Seen> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(away('it does not answer')), SILENT_MS);
    look.then((seen) => {
      clearTimeout(timer);
      resolve(seen);
    });
  });
}
