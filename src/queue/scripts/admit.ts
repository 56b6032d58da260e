import { ADD_JOB } from './bullmq-functions.ts';

/**
 * Puts new batches into a client's queue, all or none. A batch that is there already is neither added nor
 * counted again. The counter comes first: where Redis is full, that write fails before anything was changed.
 *
 * KEYS  stats
 * ARGV  deliveries prefix, now, n × (job id, number of events, data, numbers of events by type: 'a 2 b 1')
 */
export const ADMIT = `
${ADD_JOB}
redis.call('HINCRBY', KEYS[1], 'accepted', 0)
local accepted, byType = 0, {}
for i = 3, #ARGV, 4 do
  if redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 0 then
    addJob(ARGV[1], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[2], 0, 0)
    accepted = accepted + ARGV[i + 1]
    for name, count in string.gmatch(ARGV[i + 3], '(%S+) (%d+)') do
      byType[name] = (byType[name] or 0) + count
    end
  end
end
redis.call('HINCRBY', KEYS[1], 'accepted', accepted)
for name, count in pairs(byType) do redis.call('HINCRBY', KEYS[1], 'accepted:' .. name, count) end
return 1
`;

/**
 * Puts new batches into a client's queue as `ADMIT` does, but leaves out each event whose key stands for an event
 * already, and lets the key of every other one stand for it: one step, so that there is never an event without its
 * key, nor a key without its event. Looks at everything before it writes: what was all taken before is answered
 * also by a Redis that cannot be written. A batch that is there already was added by this very write, whose
 * answer was lost.
 *
 * KEYS  stats
 * ARGV  deliveries prefix, now, lifetime of a key in seconds,
 *       n × (job id, number of events, m × (name of the key in Redis or '', what it is to hold, event as JSON, its type))
 * Returns what each key holds, in the order of the events that have one.
 */
export const ADMIT_KEYED = `
${ADD_JOB}
local prefix, now, lifetime = ARGV[1], ARGV[2], ARGV[3]
local batches, held, fresh, answers = {}, {}, {}, {}
local accepted, byType = 0, {}
local at = 4
while at < #ARGV do
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  local isThere = redis.call('EXISTS', prefix .. id) == 1
  local events = {}
  for i = at + 2, at + 4 * count, 4 do
    local key, value, isHeld = ARGV[i], ARGV[i + 1], false
    if key ~= '' then
      local holder = held[key] or redis.call('GET', key)
      isHeld = holder and true
      held[key] = holder or value
      answers[#answers + 1] = held[key]
      if not isHeld and not isThere then fresh[#fresh + 1] = key end
    end
    if not isHeld and not isThere then
      events[#events + 1] = ARGV[i + 2]
      byType[ARGV[i + 3]] = (byType[ARGV[i + 3]] or 0) + 1
    end
  end
  if #events > 0 then batches[#batches + 1] = {id, events} end
  accepted = accepted + #events
  at = at + 2 + 4 * count
end
if accepted == 0 then return answers end

-- Where Redis is full, this fails before anything was changed.
redis.call('HINCRBY', KEYS[1], 'accepted', accepted)
for name, count in pairs(byType) do redis.call('HINCRBY', KEYS[1], 'accepted:' .. name, count) end
for _, batch in ipairs(batches) do
  local id, events = batch[1], batch[2]
  addJob(prefix, id, tostring(#events), '{"events":[' .. table.concat(events, ',') .. ']}', now, 0, 0)
end
for _, key in ipairs(fresh) do redis.call('SET', key, held[key], 'EX', lifetime) end
return answers
`;
