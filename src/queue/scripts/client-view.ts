import { ENDPOINT_TYPES } from './endpoint-types.ts';

/**
 * Reads one client at a cost that does not grow with what waits: only open batches are counted one by one.
 *
 * A batch has waited since it was accepted, replayed or due again: `due` is written when a batch is delayed as a whole,
 * and a retry that is a job of its own has its delay in its options. The locks of the latest few batches tell whether
 * a process holds any.
 *
 * KEYS  stats, incidents, set of the dead letters
 * ARGV  prefix of all deliveries
 * Returns {stats as fields and values in turns, types with an open incident, number of dead letters, the queues as
 * JSON: `QueueReply` by event type, now in ms since the epoch}.
 */
export const CLIENT_VIEW = `
${ENDPOINT_TYPES}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function waitingSince(prefix, id)
  local job = redis.call('HMGET', prefix .. id, 'due', 'timestamp', 'opts')
  if job[1] then return tonumber(job[1]) end
  local delay = job[3] and tonumber(string.match(job[3], '"delay":(%d+)')) or 0
  return (tonumber(job[2] or '') or now) + delay
end

local function firstWaiting(prefix)
  local head, since = '', now
  local function consider(id, from)
    head = head .. id .. ' '
    if from < since then since = from end
  end
  local first = redis.call('LINDEX', prefix .. 'wait', -1)
  if first then consider(first, waitingSince(prefix, first)) end
  local replayed = redis.call('ZRANGE', prefix .. 'prioritized', 0, 0)[1]
  if replayed then consider(replayed, waitingSince(prefix, replayed)) end
  local retry = redis.call('ZRANGE', prefix .. 'delayed', 0, 0, 'WITHSCORES')
  if retry[1] then
    local due = math.floor(retry[2] / 0x1000)
    if due < now then consider(retry[1], due) end
  end
  return head, now - since
end

local function openEvents(prefix)
  local events, retried, held = 0, 0, false
  for i, id in ipairs(redis.call('LRANGE', prefix .. 'active', 0, -1)) do
    local job = redis.call('HMGET', prefix .. id, 'name', 'retried')
    events = events + (tonumber(job[1] or '') or 0)
    retried = retried + (tonumber(job[2] or '') or 0)
    if i <= 20 and redis.call('EXISTS', prefix .. id .. ':lock') == 1 then held = true end
  end
  return events, retried, held
end

local function brokenEvents(prefix)
  local events, retried = 0, 0
  for _, id in ipairs(redis.call('ZRANGE', prefix .. 'failed', 0, 999)) do
    local job = redis.call('HMGET', prefix .. id, 'name', 'retried')
    events = events + (tonumber(job[1] or '') or 0)
    retried = retried + (tonumber(job[2] or '') or 0)
  end
  return events, retried
end

local failing, queues = {}, {}
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  local name = string.match(field, '^([^:/]+):openedAt$')
  if name then failing[#failing + 1] = name end
end
for _, kind in ipairs(endpointTypes(KEYS[1])) do
  local prefix = ARGV[1] .. ':' .. kind .. ':'
  local head, oldest = firstWaiting(prefix)
  local events, retried, held = openEvents(prefix)
  local broken, brokenRetried = brokenEvents(prefix)
  queues[kind] = {
    head = head, oldestMs = oldest, held = held, paused = redis.call('HEXISTS', prefix .. 'meta', 'paused') == 1,
    jobs = redis.call('LLEN', prefix .. 'wait') + redis.call('ZCARD', prefix .. 'prioritized')
      + redis.call('ZCARD', prefix .. 'delayed'),
    open = events, openRetried = retried,
    broken = redis.call('ZCARD', prefix .. 'failed'), brokenEvents = broken, brokenRetried = brokenRetried,
  }
end
return {redis.call('HGETALL', KEYS[1]), failing, redis.call('ZCARD', KEYS[3]), cjson.encode(queues), now}
`;
