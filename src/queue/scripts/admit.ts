import { KEY_LIFETIME_SECONDS } from '../../core/idempotency-key.ts';
import { ADD_JOB } from './bullmq-functions.ts';
import { WAKE } from './wake.ts';

/**
 * `admitBatch(stats, prefix, id, count, data, now, priority)`: puts a batch into an endpoint's queue. This is how
 * events get there from intake, replay and restore; a retry with a job of its own stays in its queue.
 * A queue that others made or resumed while the client is paused is paused again; a batch in an empty queue wakes the
 * workers that wait. `batchOf(events)`: the data of a batch, from the JSON of its events.
 */
export const ADMIT_BATCH = `
${ADD_JOB}
${WAKE}
local function admitBatch(stats, prefix, id, count, data, now, priority)
  if redis.call('HEXISTS', stats, 'pausedAt') == 1 then redis.call('HSET', prefix .. 'meta', 'paused', 1) end
  local before = workDue(prefix)
  addJob(prefix, id, tostring(count), data, now, 0, priority)
  wakeWorkers(prefix, before)
end
local function batchOf(events) return '{"events":[' .. table.concat(events, ',') .. ']}' end
`;

/**
 * Puts new batches into an endpoint's queue, all or none. A batch that is there already is neither added nor
 * counted again. The counter comes first: if Redis is full, that write fails before anything was changed.
 *
 * KEYS  stats
 * ARGV  queue's prefix, event type, now, n × (job id, number of events, data)
 */
export const ADMIT = `
${ADMIT_BATCH}
local prefix, accepted = ARGV[1], 'accepted:' .. ARGV[2]
redis.call('HINCRBY', KEYS[1], accepted, 0)
for i = 4, #ARGV, 3 do
  if redis.call('EXISTS', prefix .. ARGV[i]) == 0 then
    admitBatch(KEYS[1], prefix, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[3], 0)
    redis.call('HINCRBY', KEYS[1], accepted, ARGV[i + 1])
  end
end
return 1
`;

/**
 * Puts new batches into an endpoint's queue as `ADMIT` does, but leaves out each event whose key stands for an event
 * already, and lets the key of every other one stand for it. It reads everything before it writes: if all was taken
 * before, a Redis that cannot be written answers, too; but not if replicas are to confirm it. Then something is written
 * in any case, since WAIT is about what its connection has written. A batch that is there already was added by this
 * very write, whose answer was lost.
 *
 * KEYS  stats
 * ARGV  queue's prefix, event type, now, 1: replicas are to confirm it,
 *       n × (job id, number of events, m × (name of the key in Redis or '', what it is to hold, event as JSON))
 * Returns for each event what its key holds, or ''.
 */
export const ADMIT_KEYED = `
${ADMIT_BATCH}
local prefix, kind, now = ARGV[1], ARGV[2], ARGV[3]
local batches, held, fresh, answers, accepted = {}, {}, {}, {}, 0
local at = 5
while at < #ARGV do
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  local isThere = redis.call('EXISTS', prefix .. id) == 1
  local events = {}
  for i = at + 2, at + 1 + 3 * count, 3 do
    local key, isHeld = ARGV[i], false
    if key ~= '' then
      local holder = held[key] or redis.call('GET', key)
      isHeld = holder and true
      held[key] = holder or ARGV[i + 1]
      if not isHeld and not isThere then fresh[#fresh + 1] = key end
    end
    answers[#answers + 1] = held[key] or ''
    if not isHeld and not isThere then events[#events + 1] = ARGV[i + 2] end
  end
  if #events > 0 then batches[#batches + 1] = {id, events} end
  accepted = accepted + #events
  at = at + 2 + 3 * count
end
if accepted == 0 and ARGV[4] ~= '1' then return answers end

-- If Redis is full, this fails before anything was changed.
redis.call('HINCRBY', KEYS[1], 'accepted:' .. kind, accepted)
for _, batch in ipairs(batches) do
  admitBatch(KEYS[1], prefix, batch[1], #batch[2], batchOf(batch[2]), now, 0)
end
for _, key in ipairs(fresh) do redis.call('SET', key, held[key], 'EX', ${KEY_LIFETIME_SECONDS}) end
return answers
`;

/** How many replays after the export a dead letter is still recognised. */
const LIVES = 10;
/** How long an exported event is not taken a second time. */
const MARK_MS = 86_400_000;

/**
 * Puts exported events into an endpoint's queue, as one batch in their next life; not those of which a dead letter
 * stands, in the exported life or a later one, nor events that were restored before. The batch has priority 1:
 * fresh events go first. The counter comes first: if Redis is full, that write fails before anything was changed.
 *
 * KEYS  stats
 * ARGV  queue's prefix, dead-letters prefix, prefix of the marks, event type, batch's job id, now, mark to leave,
 *       n × (event's id, life when it was exported, the least mark that it may not have, event as JSON)
 * Returns for each event: 0 it was put there, 1 its dead letter stands, 2 it came already.
 */
export const RESTORE = `
${ADMIT_BATCH}
local prefix, deadPrefix, markPrefix = ARGV[1], ARGV[2], ARGV[3]
local accepted, jobId, now = 'accepted:' .. ARGV[4], ARGV[5], ARGV[6]
redis.call('HINCRBY', KEYS[1], accepted, 0)
local events, results = {}, {}
for i = 8, #ARGV, 4 do
  local id, life, mark = ARGV[i], tonumber(ARGV[i + 1]), markPrefix .. ARGV[i] .. '.' .. ARGV[i + 1]
  local stands = 0
  for later = life, life + ${LIVES} do
    if redis.call('EXISTS', deadPrefix .. id .. '.' .. string.format('%d', later)) == 1 then stands = 1 end
  end
  if stands == 1 then
    results[#results + 1] = 1
  elseif tonumber(redis.call('GET', mark) or 0) >= tonumber(ARGV[i + 2]) then
    results[#results + 1] = 2
  else
    redis.call('SET', mark, ARGV[7], 'PX', ${MARK_MS})
    results[#results + 1] = 0
    events[#events + 1] = ARGV[i + 3]
  end
end
if #events > 0 then
  redis.call('HINCRBY', KEYS[1], accepted, #events)
  admitBatch(KEYS[1], prefix, jobId, #events, batchOf(events), now, 1)
end
return results
`;
