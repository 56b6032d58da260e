import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished } from 'vitest';
import type { StoredEvent } from '../../../src/core/event.ts';
import { admit } from '../../../src/queue/admit.ts';
import { createEventLookUp } from '../../../src/queue/look-up-event.ts';
import { deliveriesPrefix } from '../../../src/queue/names.ts';
import { type SettleCommand, settle } from '../../../src/queue/settle.ts';
import { dispositionsOf } from '../../support/events.ts';
import { testRedis, uniqueClientName } from '../../support/redis.ts';
import { idleBatchWorker } from '../../support/stalled.ts';

/** What the look-ups take for the present, ms since the epoch. */
export const NOW = Date.UTC(2026, 2, 1, 14, 3, 7);
/** When retries are due. */
export const LATER = NOW + 60_000;
/** A time as a fate tells it. */
export const iso = (ms: number): string => new Date(ms).toISOString();

/** An event as it was accepted just now. */
export const newEvent = (changes: Partial<StoredEvent> = {}): StoredEvent => ({
  id: uuidv7(),
  type: 'disposition_update',
  unit: 'u',
  body: '{}',
  ...changes,
});

/** The event after so many failed attempts. */
export const failed = (event: StoredEvent, times: number): StoredEvent => ({
  ...event,
  history: Array.from({ length: times }, () => [NOW, 503, 'server_error', 5] as const),
});

/** A client whose batches are settled by hand, and a look-up on a connection that may be another one. */
export async function scene(lookUpRedis?: Redis) {
  const redis = testRedis();
  const client = uniqueClientName();
  const worker = await idleBatchWorker(client);
  const lookUp = createEventLookUp({
    redis: lookUpRedis ?? redis,
    clients: [uniqueClientName('other'), client],
    now: () => NOW,
  });
  const queue = new Queue('disposition_update', {
    connection: testRedis(),
    prefix: deliveriesPrefix(client),
  });
  onTestFinished(() => queue.close());

  /** Takes the next batch and settles it so. */
  async function settleNext(changes: Partial<SettleCommand>, keepHours = 24): Promise<void> {
    const job = await worker.take();
    if (job === undefined) throw new Error('there is no batch');
    const { id: jobId, token } = job;
    const settlement = { dead: [], apart: [], stay: [] };
    const counters = new Map<string, number>();
    const command = { jobId, token, now: NOW, action: 'complete', settlement, counters, ...changes } as const;
    expect(await settle(redis, dispositionsOf(client), command, 'name', keepHours)).toEqual({
      settled: true,
    });
    worker.letGo(job);
  }
  const add = (events: readonly StoredEvent[], id = uuidv7()) =>
    admit(redis, dispositionsOf(client), [{ id, events }], NOW);
  const deliver = (event: StoredEvent, keepHours?: number) =>
    settleNext({ finished: [{ event, outcome: { kind: 'delivered', status: 201 } }] }, keepHours);
  return { redis, client, worker, queue, lookUp, add, deliver, settleNext };
}

/** A settlement with no more in it than this. */
export const settlementOf = (changes: Partial<SettleCommand['settlement']>) => ({
  settlement: { dead: [], apart: [], stay: [], ...changes },
});
