import type { Redis } from 'ioredis';
import { readView } from '../support/client-view.ts';
import { countTextbookJobs, fillTextbookQueue } from './contenders/bullmq.ts';
import { submitEvents } from './contenders/intake.ts';
import { CLIENT } from './contenders/waybill-config.ts';
import type { Places } from './protocol.ts';

/** Those that send to the receiver. */
export const SENDERS = ['undici', 'bullmq', 'waybill', 'receiver', 'loadtest'] as const;
/** Everything that is measured, in the order of the first round. */
export const CONTENDERS = ['undici', 'waybill', 'bullmq', 'intake', 'receiver'] as const;

export type SenderName = (typeof SENDERS)[number];
export type Contender = (typeof CONTENDERS)[number];

/** Puts the events of a turn where the contender takes them from. */
export async function fill(name: SenderName, places: Places, total: number): Promise<void> {
  if (name === 'waybill') await submitEvents(places, total);
  if (name === 'bullmq') await fillTextbookQueue(places.redisSocket, total);
}

/** Holds what a contender left in Redis after a turn against what it should have. @throws where they differ */
export async function expectAllDone(
  name: SenderName,
  places: Places,
  redis: Redis,
  total: number,
): Promise<void> {
  if (name === 'waybill') {
    const { delivered, waiting, inFlight, retrying, dead } = await readView(redis, CLIENT);
    if (delivered === total && waiting + inFlight + retrying + dead === 0) return;
    throw new Error(
      `waybill: of ${total} events ${delivered} are delivered, ${waiting} waiting, ${inFlight} in flight, ` +
        `${retrying} retrying, ${dead} dead`,
    );
  }
  if (name !== 'bullmq') return;
  const left = await countTextbookJobs(places.redisSocket);
  if (left > 0) throw new Error(`bullmq: ${left} jobs are left in the queue`);
}

/** Holds what intake left in Redis against what was submitted. @throws where they differ */
export async function expectAllTaken(redis: Redis, total: number): Promise<void> {
  const { waiting, accepted } = await readView(redis, CLIENT);
  if (waiting === total && accepted === total) return;
  throw new Error(`intake: of ${total} events ${accepted} are accepted, ${waiting} waiting`);
}
