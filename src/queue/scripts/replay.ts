import { ADD_JOB } from './bullmq-functions.ts';

/**
 * Takes dead letters out and puts those that still exist, as one batch, into deliveries: one step, so that two
 * replays at once cannot double an event, and an event that dies again at once is not lost. The batch has
 * priority 1: fresh events go first.
 *
 * KEYS  stats
 * ARGV  deliveries prefix, dead-letters prefix, batch's job id, now, n × (dead letter's job id, event as JSON)
 * Returns the number of events that were replayed.
 */
export const REPLAY = `
${ADD_JOB}
local prefix, deadPrefix, id, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('HINCRBY', KEYS[1], 'replayed', 0)
local events = {}
for i = 5, #ARGV, 2 do
  if redis.call('ZREM', deadPrefix .. 'prioritized', ARGV[i]) == 1 then
    redis.call('DEL', deadPrefix .. ARGV[i])
    events[#events + 1] = ARGV[i + 1]
  end
end
if #events > 0 then
  addJob(prefix, id, tostring(#events), '{"events":[' .. table.concat(events, ',') .. ']}', now, 0, 1)
  redis.call('HINCRBY', KEYS[1], 'replayed', #events)
end
return #events
`;

/**
 * Removes dead letters for good.
 *
 * KEYS  stats
 * ARGV  dead-letters prefix, n × dead letter's job id
 * Returns how many there were.
 */
export const DISCARD = `
redis.call('HINCRBY', KEYS[1], 'discarded', 0)
local count = 0
for i = 2, #ARGV do
  if redis.call('ZREM', ARGV[1] .. 'prioritized', ARGV[i]) == 1 then
    redis.call('DEL', ARGV[1] .. ARGV[i])
    count = count + 1
  end
end
redis.call('HINCRBY', KEYS[1], 'discarded', count)
return count
`;
