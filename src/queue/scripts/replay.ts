import { ADD_JOB } from './bullmq-functions.ts';
import { NOTE_TAKEN } from './note-deaths.ts';

/**
 * Takes dead letters out and puts those that still exist, as one batch, into deliveries: one step, so that two
 * replays at once cannot double an event, and an event that dies again at once is not lost. The batch has
 * priority 1: fresh events go first.
 *
 * KEYS  stats, incidents
 * ARGV  deliveries prefix, dead-letters prefix, batch's job id, now,
 *       n × (dead letter's job id, event as JSON, its type)
 * Returns the number of events that were replayed.
 */
export const REPLAY = `
${ADD_JOB}
${NOTE_TAKEN}
local prefix, deadPrefix, id, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('HINCRBY', KEYS[1], 'replayed', 0)
local events, byType = {}, {}
for i = 5, #ARGV, 3 do
  if redis.call('ZREM', deadPrefix .. 'prioritized', ARGV[i]) == 1 then
    redis.call('DEL', deadPrefix .. ARGV[i])
    events[#events + 1] = ARGV[i + 1]
    byType[ARGV[i + 2]] = (byType[ARGV[i + 2]] or 0) + 1
  end
end
if #events > 0 then
  addJob(prefix, id, tostring(#events), '{"events":[' .. table.concat(events, ',') .. ']}', now, 0, 1)
  redis.call('HINCRBY', KEYS[1], 'replayed', #events)
  noteTaken(KEYS[2], byType, true)
end
return #events
`;

/**
 * Removes dead letters for good.
 *
 * KEYS  stats, incidents
 * ARGV  dead-letters prefix, n × (dead letter's job id, its type)
 * Returns how many there were.
 */
export const DISCARD = `
${NOTE_TAKEN}
redis.call('HINCRBY', KEYS[1], 'discarded', 0)
local count, byType = 0, {}
for i = 2, #ARGV, 2 do
  if redis.call('ZREM', ARGV[1] .. 'prioritized', ARGV[i]) == 1 then
    redis.call('DEL', ARGV[1] .. ARGV[i])
    count = count + 1
    byType[ARGV[i + 1]] = (byType[ARGV[i + 1]] or 0) + 1
  end
end
noteTaken(KEYS[2], byType, false)
redis.call('HINCRBY', KEYS[1], 'discarded', count)
return count
`;
