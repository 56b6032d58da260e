import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import type { StoredEvent } from '../../../src/core/event.ts';
import { defineScript } from '../../../src/queue/define-script.ts';
import { deadLetterJobId, deadLettersPrefix } from '../../../src/queue/names.ts';
import { ADD_JOB } from '../../../src/queue/scripts/bullmq-functions.ts';

import { bodyOf } from '../workload.ts';

const CHUNK = 500;
const RETRY_MS = 60_000;
const DAY_MS = 86_400_000;

/** KEYS any. ARGV dead-letters prefix, now, n × (id, data). As a settlement adds them. */
const addScript = defineScript(
  'add-dead-letters',
  `${ADD_JOB}
for i = 3, #ARGV, 2 do addJob(ARGV[1], ARGV[i], 'dead-letter', ARGV[i + 1], ARGV[2], 0, 1) end`,
);

/** Puts so many dead letters there, each with six failures; one in a hundred failed with 422, the rest with 500. */
export async function addDeadLetters(redis: Redis, client: string, count: number): Promise<void> {
  const prefix = deadLettersPrefix(client);
  const now = Date.now();
  for (let first = 0; first < count; first += CHUNK) {
    const args: (string | number)[] = [prefix, now];
    for (let n = first; n < Math.min(count, first + CHUNK); n += 1) {
      const event = deadLetter(n, now);
      args.push(deadLetterJobId(event), JSON.stringify(event));
    }
    await addScript(redis, [`${prefix}prioritized`], args);
  }
}

function deadLetter(n: number, now: number): StoredEvent {
  const status = n % 100 === 0 ? 422 : 500;
  const failureClass = status === 422 ? 'client_error' : 'server_error';
  return {
    id: uuidv7(),
    type: 'disposition_update',
    unit: `LPAA${String(n).padStart(7, '0')}`,
    body: bodyOf(n),
    history: Array.from({ length: 6 }, (_, at) => [now - DAY_MS + at * RETRY_MS, status, failureClass, 12]),
    response: '{"message":"Internal server error"}',
  };
}
