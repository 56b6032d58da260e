import { type Redis, ReplyError } from 'ioredis';
import type { StoredEvent } from '../core/event.ts';
import type { WaybillError } from '../core/waybill-error.ts';
import { isConnected } from './connections.ts';
import { defineScript } from './define-script.ts';
import { clientPrefix, deadLettersPrefix, type Endpoint, endpointPrefix, statsKey } from './names.ts';
import { RESTORE } from './scripts/restore.ts';
import { answerLost, refusedByRedis, unavailable } from './write-errors.ts';

const restoreScript = defineScript('restore', RESTORE);

/** For so long an exported event is not taken a second time. */
const MARK_MS = 86_400_000;

/** What became of an exported event. */
export type Restored = 'restored' | 'dead_letter_stands' | 'already_sent';

/** What became of a batch of them; `refused`: nothing was written, `unknown`: the answer was lost. */
export type RestoreOutcome =
  | { readonly kind: 'answered'; readonly events: readonly Restored[] }
  | { readonly kind: 'refused' | 'unknown'; readonly error: WaybillError };

const RESULTS: readonly Restored[] = ['restored', 'dead_letter_stands', 'already_sent'];

/**
 * Puts exported events of one type into their endpoint's queue as one batch, each at the beginning of its next life, but for those
 * whose dead letter stands and those that were put there in the same way during the last 24 h. Never rejects; errors
 * as those of `commitBatches`.
 *
 * @param events as they were exported: `life` is that of their dead letter
 */
export async function restoreEvents(
  redis: Redis,
  endpoint: Endpoint,
  batchId: string,
  events: readonly StoredEvent[],
  now: number,
): Promise<RestoreOutcome> {
  const { client } = endpoint;
  if (!isConnected(redis)) return { kind: 'refused', error: unavailable(redis) };
  const args: (string | number)[] = [
    endpointPrefix(endpoint),
    endpoint.type,
    deadLettersPrefix(client),
    `${clientPrefix(client)}:restored:`,
    batchId,
    now,
    MARK_MS,
  ];
  for (const event of events) {
    const life = event.life ?? 0;
    args.push(event.id, life, JSON.stringify({ ...event, life: life + 1 }));
  }
  try {
    const answer = (await restoreScript(redis, [statsKey(client)], args)) as readonly number[];
    return { kind: 'answered', events: answer.map((code) => RESULTS[code] ?? 'restored') };
  } catch (error) {
    // Redis answers with an error before the script's first write.
    if (error instanceof ReplyError) return { kind: 'refused', error: refusedByRedis(error as Error) };
    return { kind: 'unknown', error: answerLost(redis, error as Error) };
  }
}
