import { ADMIT_BATCH, BATCH_OF } from './admit.ts';

/** How many replays after the export a dead letter is still recognised. */
const LIVES = 10;

/**
 * Puts exported events into an endpoint's queue, as one batch in their next life; not those of which a dead letter
 * stands, in the exported life or a later one, nor those that came in the same way already: one step, so that two at
 * once cannot double an event. The batch has priority 1: fresh events go first. The counter comes first: where Redis
 * is full, that write fails before anything was changed.
 *
 * KEYS  stats
 * ARGV  queue's prefix, event type, dead-letters prefix, prefix of the marks, batch's job id, now, how long a mark
 *       stands in ms, n × (event's id, life when it was exported, event as JSON)
 * Returns for each event: 0 it was put there, 1 its dead letter stands, 2 it came already.
 */
export const RESTORE = `
${ADMIT_BATCH}
${BATCH_OF}
local prefix, accepted, deadPrefix, markPrefix = ARGV[1], 'accepted:' .. ARGV[2], ARGV[3], ARGV[4]
local jobId, now, markMs = ARGV[5], ARGV[6], ARGV[7]
redis.call('HINCRBY', KEYS[1], accepted, 0)
local events, results = {}, {}
for i = 8, #ARGV, 3 do
  local id, life = ARGV[i], tonumber(ARGV[i + 1])
  local stands = 0
  for later = life, life + ${LIVES} do
    if redis.call('EXISTS', deadPrefix .. id .. '.' .. string.format('%d', later)) == 1 then stands = 1 end
  end
  if stands == 1 then
    results[#results + 1] = 1
  elseif not redis.call('SET', markPrefix .. id .. '.' .. ARGV[i + 1], '1', 'NX', 'PX', markMs) then
    results[#results + 1] = 2
  else
    results[#results + 1] = 0
    events[#events + 1] = ARGV[i + 2]
  end
end
if #events > 0 then
  redis.call('HINCRBY', KEYS[1], accepted, #events)
  admitBatch(KEYS[1], prefix, jobId, #events, batchOf(events), now, 1)
end
return results
`;
