import type { Redis } from 'ioredis';
import { defineScript } from './define-script.ts';
import { DELIVERIES, queuePrefix } from './names.ts';
import { PROMOTE } from './scripts/bullmq-functions.ts';

/**
 * A batch that is due at another time than was noted was opened since, and waits for a retry: that stays.
 *
 * KEYS  the batches that wait for their time
 * ARGV  deliveries prefix, n × (job id, due)
 */
const bringForwardScript = defineScript(
  'bring-forward',
  `
${PROMOTE}
for i = 2, #ARGV, 2 do
  local due = redis.call('HGET', ARGV[1] .. ARGV[i], 'due')
  if due and tonumber(due) == tonumber(ARGV[i + 1]) then promoteJob(ARGV[1], ARGV[i]) end
end
`,
);

/**
 * Puts batches that wait for their time at the end of the queue, where they are still due at the time that is given
 * (ms since the epoch); any other one is left as it is.
 *
 * @throws errors of Redis
 */
export async function bringForward(
  redis: Redis,
  client: string,
  batches: readonly { readonly id: string; readonly dueAt: number }[],
): Promise<void> {
  const prefix = queuePrefix(client, DELIVERIES);
  const args = batches.flatMap(({ id, dueAt }) => [id, dueAt]);
  await bringForwardScript(redis, [`${prefix}delayed`], [prefix, ...args]);
}
