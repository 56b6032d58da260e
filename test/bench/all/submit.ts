import { parseConfig } from '../../../src/config/load-config.ts';
import type { RedisLocation } from '../../../src/queue/redis-options.ts';
import { openIntake } from '../../../src/service/open-intake.ts';
import { payloadOf } from '../workload.ts';

const CHUNK = 20_000;

/** Takes events in for an engine. */
export interface Submitter {
  /** Submits the event with a number. @throws where it is not accepted */
  one(client: string, n: number): Promise<void>;
  /** Submits so many events, which travel in full batches. @throws where one of them is not accepted */
  many(client: string, count: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens an intake of a measure's own. */
export async function openSubmitter(config: string, redis: string | RedisLocation): Promise<Submitter> {
  const location = typeof redis === 'string' ? { socketPath: redis } : redis;
  const intake = await openIntake(parseConfig(config, 'waybill.yaml', {}), location);
  async function submit(client: string, first: number, count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, n) => payloadOf(first + n));
    const results = await intake.submitMany(client, 'disposition_update', events);
    const refused = results.find(({ outcome }) => outcome !== 'accepted');
    if (refused !== undefined) throw new Error(`not accepted: ${JSON.stringify(refused)}`);
  }
  return {
    one: (client, n) => submit(client, n, 1),
    async many(client, count) {
      for (let first = 0; first < count; first += CHUNK) {
        await submit(client, first, Math.min(CHUNK, count - first));
      }
    },
    close: () => intake.close(),
  };
}
