import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { onTestFinished } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { clientPrefix, DEAD_LETTERS, deadLetterJobId } from '../../src/queue/names.ts';

const DIED = Date.UTC(2026, 2, 1, 14);

/** The nth event that was given up on, a second after the one before; status 0: it timed out. */
export function letter(n: number, status: number): StoredEvent {
  const history = [[DIED + n * 1_000, status, status === 0 ? 'timeout' : 'client_error', 5]] as const;
  const facts = { type: 'disposition_update', unit: `LP${n}`, body: `{"n":${n}}` };
  return { id: uuidv7(), ...facts, history, response: '{"errors":[{"field":"$.upc","code":"invalid"}]}' };
}

/** Puts dead letters into a client's queue, as settling does. */
export async function addLetters(
  connection: Redis,
  client: string,
  letters: readonly StoredEvent[],
): Promise<void> {
  const queue = new Queue(DEAD_LETTERS, { connection, prefix: clientPrefix(client) });
  queue.on('error', () => {});
  onTestFinished(() => queue.close());
  await queue.addBulk(
    letters.map((data) => ({ name: '1', data, opts: { jobId: deadLetterJobId(data), priority: 1 } })),
  );
}
